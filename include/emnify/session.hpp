/* Auth tokens and the status of a session. A part of emnify.hpp. */

#ifndef EMNIFY_SESSION_HPP
#define EMNIFY_SESSION_HPP

#include <chrono>
#include <cstdint>
#include <string>

#include "base.hpp"
#include "error.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* An auth token, for the header "Authorization: Bearer ...". Wiped when it is destroyed. */
class AuthToken {
public:
    /* Creates an empty object. */
    AuthToken() noexcept {}

    /* Takes ownership of a C handle. */
    explicit AuthToken(emnify_auth_token *token) noexcept : token_(token) {}

    explicit operator bool() const noexcept { return static_cast<bool>(token_); }

    /* Returns the token's text, a secret; NULL if the object is empty. Borrowed, because a
     * std::string would not be wiped. */
    const char *reveal() const noexcept { return emnify_auth_token_reveal(get()); }

    /* Returns when the token expires, on the server's clock. */
    Time expires_at() const { return detail::time(emnify_auth_token_expires_at(get())); }

    /* Returns for how long the token is still valid, whatever the clocks show. */
    std::chrono::milliseconds valid_for() const {
        return std::chrono::milliseconds(emnify_auth_token_valid_for_ms(get()));
    }

    /* Returns the id of the token's workspace; 0 if it contains none. For display only. */
    std::uint64_t organisation_id() const noexcept {
        return emnify_auth_token_organisation_id(get());
    }

    const emnify_auth_token *get() const noexcept { return token_.get(); }

private:
    detail::Handle<emnify_auth_token, emnify_auth_token_free> token_;
};

/* One check of what a client needs. */
struct Check {
    /* EMNIFY_CHECK_SKIPPED, _OK, _WARNING or _FAILED: a greater number is more serious. */
    std::int32_t verdict;
    /* What was checked, such as "dns". */
    std::string subject;
    std::string tried;
    std::string found;
    /* What to do; empty if there is nothing to do. */
    std::string advice;
};

/* A snapshot of a client's session. */
class Status {
public:
    /* Creates an empty object. */
    Status() noexcept {}

    /* Takes ownership of a C handle. */
    explicit Status(emnify_status *status) noexcept : status_(status) {}

    explicit operator bool() const noexcept { return static_cast<bool>(status_); }

    /* Whether the client has an auth token that is valid now. */
    bool signed_in() const noexcept { return emnify_status_signed_in(get()); }

    /* Returns when that auth token expires, on this machine's clock. */
    Time valid_until() const { return detail::time(emnify_status_valid_until(get())); }

    /* Returns how long until the next attempt to sign in, while backing off; otherwise -1 ms. */
    std::chrono::milliseconds next_attempt() const noexcept {
        return std::chrono::milliseconds(emnify_status_next_attempt_ms(get()));
    }

    /* Returns a copy of the error of the last attempt to sign in, if it failed. */
    Error last_error() const { return Error::copy_of(emnify_status_last_error(get())); }

    /* Returns how many requests the client has sent to sign in. */
    std::uint64_t calls_made() const noexcept { return emnify_status_calls_made(get()); }

    /* Returns when an attempt to sign in last succeeded or failed, on this machine's clock. */
    Time last_change() const { return detail::time(emnify_status_last_change(get())); }

    const emnify_status *get() const noexcept { return status_.get(); }

private:
    detail::Handle<emnify_status, emnify_status_free> status_;
};

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_SESSION_HPP */
