/* Events, and the functions that the library calls. A part of emnify.hpp. */

#ifndef EMNIFY_CALLBACK_HPP
#define EMNIFY_CALLBACK_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "base.hpp"
#include "error.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* Something that happened to a session. It is there while the observer runs; copy what you keep. */
class Event {
public:
    explicit Event(const emnify_event *event) noexcept : event_(event) {}

    /* One of the constants EMNIFY_EVENT_.... */
    std::int32_t kind() const noexcept { return emnify_event_kind(event_); }

    /* Its name, such as "EMNIFY_EVENT_REFUSED". Constant. */
    const char *name() const noexcept { return emnify_event_name(kind()); }

    /* How much it matters: EMNIFY_LEVEL_INFO, _WARNING or _ERROR, which are syslog's priorities. */
    std::int32_t level() const noexcept { return emnify_event_level(event_); }

    /* What happened and why: one line for a log, without a secret. Borrowed. */
    const char *message() const noexcept {
        const char *message = emnify_event_message(event_);
        return message ? message : "no event";
    }

    /* Why, where something went wrong. It may be kept. */
    Error error() const { return Error::copy_of(emnify_event_error(event_)); }

    /* How long until the next attempt may be made, where one failed; else -1 ms. */
    std::chrono::milliseconds next_attempt() const noexcept {
        return std::chrono::milliseconds(emnify_event_next_attempt_ms(event_));
    }

    /* When the auth token or the application token expires that it is about; else none. */
    Time expires_at() const { return detail::time(emnify_event_expires_at(event_)); }

    const emnify_event *get() const noexcept { return event_; }

private:
    const emnify_event *event_;
};

/* Is told what happens, on the thread of whoever calls the client, which it may call itself. */
using Observer = std::function<void(const Event &)>;

/* Asks the person for the one-time code; empty gives up. */
using Mfa = std::function<std::string()>;

/* Keeps the new application token of a rotation where the next start finds it, and returns whether
 * it did, durably. It is a secret, borrowed, and ends with a NUL. */
using HandOver = std::function<bool(const char *application_token, std::size_t length)>;

namespace detail {

/* The functions that a client calls. Each is replaced as a whole and never changed, since clients
 * that were made earlier go on with the one that they had. */
struct Callbacks {
    std::shared_ptr<Observer> observer;
    std::shared_ptr<Mfa> mfa;
};

/* Runs a function of the user's. No exception may pass through the C interface, so it ends here. */
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

extern "C" {

inline void EMNIFY_HPP_IN_C(observe)(void *user, const emnify_event *event) {
    contain([=] { (*static_cast<const Observer *>(user))(Event(event)); });
}

inline std::size_t EMNIFY_HPP_IN_C(ask)(void *user, char *code, std::size_t capacity) {
    std::size_t length = 0;
    contain([&] {
        std::string answer = (*static_cast<const Mfa *>(user))();
        length = answer.size();
        if (length <= capacity) {
            std::memcpy(code, answer.data(), length);
        }
        wipe(answer);
    });
    return length;
}

inline std::int32_t EMNIFY_HPP_IN_C(hand_over)(void *user, const char *application_token,
                                               std::size_t length) {
    bool kept = false;
    contain([&] { kept = (*static_cast<const HandOver *>(user))(application_token, length); });
    return kept ? 0 : 1;
}

} /* extern "C" */

} /* namespace detail */

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_CALLBACK_HPP */
