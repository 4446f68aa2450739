/* Application tokens: new ones, those that there are, audits and rotations. A part of emnify.hpp. */

#ifndef EMNIFY_TOKEN_HPP
#define EMNIFY_TOKEN_HPP

#include <chrono>
#include <cstdint>
#include <string>

#include "base.hpp"
#include "callback.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* What a new application token shall be like. What is empty is not set. */
struct TokenOptions {
    std::string description;
    /* A date or an instant in RFC 3339; or `expires_at`, not both. */
    std::string expiry_date;
    Time expires_at;
    std::string ip;
};

/* An application token that was just created, its value shown this once. Wiped when destroyed. */
class CreatedToken {
public:
    /* None. */
    CreatedToken() noexcept {}

    /* Takes over a handle of the C interface. */
    explicit CreatedToken(emnify_created_token *created) noexcept : created_(created) {}

    explicit operator bool() const noexcept { return static_cast<bool>(created_); }

    /* The application token itself, a secret; NULL if there is none. Borrowed. */
    const char *reveal() const noexcept { return emnify_created_token_reveal(get()); }

    /* Its id; 0 where it could not be found out for certain. */
    std::uint64_t id() const noexcept { return emnify_created_token_id(get()); }

    const emnify_created_token *get() const noexcept { return created_.get(); }

private:
    detail::Handle<emnify_created_token, emnify_created_token_free> created_;
};

/* What is known about an application token; never its value. What is absent is empty. */
struct Token {
    std::uint64_t id;
    std::string description;
    /* EMNIFY_TOKEN_ACTIVATED, _REVOKED, _STATUS_UNKNOWN, or a number that is not known here. */
    std::int64_t status;
    Time created_at;
    /* As the server wrote it; empty if it does not expire. */
    std::string expiry_date;
    Time expires_at;
    std::string ip;
    std::string creator;
};

/* From when on an application token is worth a word. 0 is the default, 30 and 365 days. */
struct AuditOptions {
    std::chrono::seconds expires_within = std::chrono::seconds(0);
    std::chrono::seconds older_than = std::chrono::seconds(0);
};

/* An application token, and what there is to say against it. */
struct AuditedToken {
    Token token;
    /* A sum of the constants EMNIFY_FINDING_...; 0, a good answer, where it is nothing. */
    std::uint32_t findings;

    /* Whether this is among it. */
    bool has(std::uint32_t finding) const noexcept { return (findings & finding) != 0; }
};

/* How an application token shall be replaced. What is empty is as with the old one. */
struct RotateOptions {
    /* The one that the client signs in with, where its auth token does not tell. */
    std::uint64_t id = 0;
    std::string description;
    /* A date or an instant in RFC 3339; or `expires_at`, not both. */
    std::string expiry_date;
    Time expires_at;
    std::string ip;
    /* How long the old one goes on working beside the new one. */
    std::chrono::seconds grace = std::chrono::seconds(0);
    /* Who takes the new one, instead of the credential file. An exception that leaves it means that
     * it was not kept. */
    HandOver hand_over;
    /* Whether the old one is left alive, for an application token that may not revoke any. */
    bool keep_old = false;
};

/* What a rotation came to. */
struct Rotation {
    /* EMNIFY_ROTATION_DONE or EMNIFY_ROTATION_GRACE; EMNIFY_ROTATION_NONE after a failure. */
    std::int32_t state;
    std::uint64_t old_id;
    std::uint64_t new_id;
    /* -1 ms where there is no grace period. */
    std::chrono::milliseconds grace_left;
    /* Whether another client had rotated already: nothing was changed. */
    bool is_adopted;
    /* Whether the old one is left alive, as `keep_old` said. */
    bool is_old_kept;
    /* The options that did not apply, because the rotation had begun with others: "expiry_date,
     * ip"; empty where all did. */
    std::string ignored_options;
};

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_TOKEN_HPP */
