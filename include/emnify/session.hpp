/* What a session gives: auth tokens, and how it stands. A part of emnify.hpp. */

#ifndef EMNIFY_SESSION_HPP
#define EMNIFY_SESSION_HPP

#include <chrono>
#include <cstdint>

#include "base.hpp"
#include "error.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* An auth token: what goes into the header "Authorization: Bearer ...". Wiped when destroyed. */
class AuthToken {
public:
    /* None. */
    AuthToken() noexcept {}

    /* Takes over a handle of the C interface. */
    explicit AuthToken(emnify_auth_token *token) noexcept : token_(token) {}

    explicit operator bool() const noexcept { return static_cast<bool>(token_); }

    /* The token itself, a secret; NULL if there is none. Borrowed, since a std::string made of it
     * would not be wiped. */
    const char *reveal() const noexcept { return emnify_auth_token_reveal(get()); }

    /* When it expires, on the server's clock. */
    Time expires_at() const { return detail::time(emnify_auth_token_expires_at(get())); }

    /* The id of the workspace that it is for; 0 if it does not tell. For display only. */
    std::uint64_t organisation_id() const noexcept {
        return emnify_auth_token_organisation_id(get());
    }

    const emnify_auth_token *get() const noexcept { return token_.get(); }

private:
    detail::Handle<emnify_auth_token, emnify_auth_token_free> token_;
};

/* How a client's session stood when it was asked. */
class Status {
public:
    /* None. */
    Status() noexcept {}

    /* Takes over a handle of the C interface. */
    explicit Status(emnify_status *status) noexcept : status_(status) {}

    explicit operator bool() const noexcept { return static_cast<bool>(status_); }

    /* Whether there is an auth token that is valid now. */
    bool signed_in() const noexcept { return emnify_status_signed_in(get()); }

    /* Until when, on this machine's clock. */
    Time valid_until() const { return detail::time(emnify_status_valid_until(get())); }

    /* How long until the next attempt to sign in may be made; -1 ms where none is held back. */
    std::chrono::milliseconds next_attempt() const noexcept {
        return std::chrono::milliseconds(emnify_status_next_attempt_ms(get()));
    }

    /* Why the last attempt failed, until one succeeds. It may outlive this. */
    Error last_error() const { return Error::copy_of(emnify_status_last_error(get())); }

    /* How many requests the client has sent in order to sign in. */
    std::uint64_t calls_made() const noexcept { return emnify_status_calls_made(get()); }

    /* How many auth tokens it has handed out without one. */
    std::uint64_t calls_saved() const noexcept { return emnify_status_calls_saved(get()); }

    /* When the session last changed, on this machine's clock. */
    Time last_change() const { return detail::time(emnify_status_last_change(get())); }

    const emnify_status *get() const noexcept { return status_.get(); }

private:
    detail::Handle<emnify_status, emnify_status_free> status_;
};

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_SESSION_HPP */
