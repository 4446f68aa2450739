/* Events, and the types of your functions. A part of emnify.hpp. */

#ifndef EMNIFY_CALLBACK_HPP
#define EMNIFY_CALLBACK_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

#include "base.hpp"
#include "error.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* An event of a session. It is valid while the observer runs. */
class Event {
public:
    explicit Event(const emnify_event *event) noexcept : event_(event) {}

    /* Returns what happened, one of EMNIFY_EVENT_.... */
    std::int32_t kind() const noexcept { return emnify_event_kind(event_); }

    /* Returns the name of the kind, such as "EMNIFY_EVENT_REFUSED". The string is constant. */
    const char *name() const noexcept { return emnify_event_name(kind()); }

    /* Returns the severity: EMNIFY_LEVEL_INFO, _WARNING or _ERROR, which equal syslog's. */
    std::int32_t level() const noexcept { return emnify_event_level(event_); }

    /* Returns what happened and why: one line for a log. Borrowed from the event. */
    const char *message() const noexcept {
        const char *message = emnify_event_message(event_);
        return message ? message : "no event";
    }

    /* Returns a copy of the error, if something failed. */
    Error error() const { return Error::copy_of(emnify_event_error(event_)); }

    /* Returns how long until the next attempt to sign in, if one failed; -1 ms if none failed. */
    std::chrono::milliseconds next_attempt() const noexcept {
        return std::chrono::milliseconds(emnify_event_next_attempt_ms(event_));
    }

    /* Returns when the auth token or application token expires that the event reports. */
    Time expires_at() const { return detail::time(emnify_event_expires_at(event_)); }

    const emnify_event *get() const noexcept { return event_; }

private:
    const emnify_event *event_;
};

/* Gets the events. It may call the client. */
using Observer = std::function<void(const Event &)>;

/* Asks a person for the one-time code and returns it; an empty string means that there is none. */
using Mfa = std::function<std::string()>;

/* Stores the new application token of a rotation where the next start finds it, and returns whether
 * it is durably stored. The token is a secret, is borrowed, and ends with a NUL. */
using HandOver = std::function<bool(const char *application_token, std::size_t length)>;

/* Returns the application token that the HandOver function stored, read from where the next start
 * finds it; an empty string if it cannot be read. */
using ReadBack = std::function<std::string()>;

namespace detail {

/* The functions of a rotation. */
struct Rotating {
    HandOver hand_over;
    ReadBack read_back;
};

/* Runs a function of the user's and drops its exceptions, which must not pass through C code. */
template <typename Function>
void contain(Function function) noexcept {
#ifndef EMNIFY_NO_EXCEPTIONS
    try {
        function();
    } catch (...) {
    }
#else
    function();
#endif
}

inline void wipe(std::string &secret) noexcept {
    volatile char *bytes = &secret[0];
    for (std::size_t i = 0; i < secret.size(); ++i) {
        bytes[i] = 0;
    }
}

/* Writes the secret that `function` returns to `buffer`, and returns its length; 0 after an
 * exception. */
inline std::size_t write(const std::function<std::string()> &function, char *buffer,
                         std::size_t capacity) noexcept {
    std::size_t length = 0;
    contain([&] {
        std::string secret = function();
        length = secret.size();
        if (length <= capacity) {
            std::memcpy(buffer, secret.data(), length);
        }
        wipe(secret);
    });
    return length;
}

extern "C" {

inline void EMNIFY_HPP_IN_C(observe)(void *user, const emnify_event *event) {
    contain([=] { (*static_cast<const Observer *>(user))(Event(event)); });
}

inline void EMNIFY_HPP_IN_C(free_observer)(void *user) { delete static_cast<Observer *>(user); }

inline std::size_t EMNIFY_HPP_IN_C(ask)(void *user, char *code, std::size_t capacity) {
    return write(*static_cast<const Mfa *>(user), code, capacity);
}

inline void EMNIFY_HPP_IN_C(free_mfa)(void *user) { delete static_cast<Mfa *>(user); }

inline std::int32_t EMNIFY_HPP_IN_C(hand_over)(void *user, const char *application_token,
                                               std::size_t length) {
    bool kept = false;
    const HandOver &function = static_cast<const Rotating *>(user)->hand_over;
    contain([&] { kept = function(application_token, length); });
    return kept ? 0 : 1;
}

inline std::size_t EMNIFY_HPP_IN_C(read_back)(void *user, char *application_token,
                                              std::size_t capacity) {
    return write(static_cast<const Rotating *>(user)->read_back, application_token, capacity);
}

} /* extern "C" */

} /* namespace detail */

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_CALLBACK_HPP */
