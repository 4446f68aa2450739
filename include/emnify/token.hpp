/* Application tokens: create, list and rotate. A part of emnify.hpp. */

#ifndef EMNIFY_TOKEN_HPP
#define EMNIFY_TOKEN_HPP

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base.hpp"
#include "callback.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* Settings of a new application token. An empty member is not set. */
struct TokenOptions {
    std::string description;
    /* A date, or a time in RFC 3339. Set this or `expires_in`, not both. */
    std::string expiry_date;
    /* How long the token lives, counted on emnify's clock. 0: not set. */
    std::chrono::seconds expires_in = std::chrono::seconds(0);
    std::string ip;
};

/* An application token that was just created. Its value is shown only once. Wiped when it is
 * destroyed. */
class CreatedToken {
public:
    /* Creates an empty object. */
    CreatedToken() noexcept {}

    /* Takes ownership of a C handle. */
    explicit CreatedToken(emnify_created_token *created) noexcept : created_(created) {}

    explicit operator bool() const noexcept { return static_cast<bool>(created_); }

    /* Returns the token's value, a secret; NULL if the object is empty. Borrowed. */
    const char *reveal() const noexcept { return emnify_created_token_reveal(get()); }

    /* Returns the token's id; 0 if it is not known. */
    std::uint64_t id() const noexcept { return emnify_created_token_id(get()); }

    const emnify_created_token *get() const noexcept { return created_.get(); }

private:
    detail::Handle<emnify_created_token, emnify_created_token_free> created_;
};

/* An application token's properties, without its value. A missing property is empty. */
struct Token {
    std::uint64_t id;
    std::string description;
    /* EMNIFY_TOKEN_ACTIVATED, _REVOKED, _STATUS_UNKNOWN, or a number unknown to this version. */
    std::int64_t status;
    Time created_at;
    /* As the server wrote it; empty if it does not expire. */
    std::string expiry_date;
    std::string ip;
    std::string creator;
    /* What was found about the token: a sum of EMNIFY_FINDING_... constants. */
    std::uint32_t findings;

    /* Whether `finding` is one of the findings. */
    bool has(std::uint32_t finding) const noexcept { return (findings & finding) != 0; }
};

/* Thresholds for EMNIFY_FINDING_EXPIRES_SOON, _OLD and _REFUSED_LATELY. 0 means the default: 30 and
 * 365 days, and refused sign-ins are not read. */
struct ListOptions {
    std::chrono::seconds expires_within = std::chrono::seconds(0);
    std::chrono::seconds older_than = std::chrono::seconds(0);
    std::chrono::seconds refused_within = std::chrono::seconds(0);
};

/* A sign-in with an application token that emnify refused. What cannot be parsed is empty or 0. */
struct Failure {
    Time at;
    /* What emnify wrote about it. */
    std::string description;
    std::string token_name;
    /* The ids of the application tokens that it can have been; several if they have the same
     * description. */
    std::vector<std::uint64_t> token_ids;
    /* The id of the application token that probably replaced the refused one; 0 if there is
     * none. */
    std::uint64_t successor_id;
    std::string reason;
    std::string address;
};

/* What an application token says about itself. Nothing of it is verified. */
struct TokenClaims {
    /* 0 if it is not known. */
    std::uint64_t id;
    std::uint64_t organisation_id;
    Time issued_at;
    Time expires_at;
    /* Whether it is an auth token, which cannot be revoked and expires by itself. */
    bool is_auth_token;
};

/* Options of a rotation. An empty member is taken from the old application token. */
struct RotateOptions {
    /* The id of the application token that the client signs in with, if the auth token does not
     * contain it. */
    std::uint64_t id = 0;
    std::string description;
    /* A date, or a time in RFC 3339. Set this or `expires_in`, not both. */
    std::string expiry_date;
    /* How long the new token lives, counted on emnify's clock. 0: not set. */
    std::chrono::seconds expires_in = std::chrono::seconds(0);
    std::string ip;
    /* How long the old token keeps working alongside the new one. */
    std::chrono::seconds grace = std::chrono::seconds(0);
    /* Stores the new token, instead of the credential file. An exception means that it was not
     * stored. */
    HandOver hand_over;
    /* Reads that token back before the old one is revoked. Needs `hand_over`. */
    ReadBack read_back;
    /* Whether the old token is not revoked, for a token that is not allowed to revoke tokens. */
    bool keep_old = false;
};

/* The result of a rotation. */
struct Rotation {
    /* EMNIFY_ROTATION_DONE or EMNIFY_ROTATION_GRACE; EMNIFY_ROTATION_NONE after an error. */
    std::int32_t state;
    std::uint64_t old_id;
    std::uint64_t new_id;
    /* How much of the grace period is left; -1 ms if the state is not EMNIFY_ROTATION_GRACE. */
    std::chrono::milliseconds grace_left;
    /* Whether another client had already rotated the token. Then nothing was changed. */
    bool is_adopted;
    /* Whether the old token was not revoked, as requested with `keep_old`. */
    bool is_old_kept;
    /* The names of the options that were ignored because the rotation had begun with others, such
     * as "expiry_date, ip". Empty if none was ignored. */
    std::string ignored_options;
};

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_TOKEN_HPP */
