/* Errors, as exceptions and as values. A part of emnify.hpp. */

#ifndef EMNIFY_ERROR_HPP
#define EMNIFY_ERROR_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* What went wrong, or nothing: thrown by calls, or set by them. Copies share what they hold. */
class Error : public std::exception {
public:
    /* No error. */
    Error() noexcept {}

    /* Takes over an error of the C interface; NULL is none. */
    explicit Error(emnify_error *error) {
        if (error) {
            error_.reset(error, emnify_error_free);
        }
    }

    /* A copy of an error of the C interface that is only borrowed; NULL is none. */
    static Error copy_of(const emnify_error *error) { return Error(emnify_error_copy(error)); }

    /* An argument that this header itself refuses. The message must be a literal. */
    static Error invalid_input(const char *message) noexcept {
        Error error;
        error.refusal_ = message;
        return error;
    }

    /* Whether there is an error. */
    explicit operator bool() const noexcept { return code() != EMNIFY_OK; }

    /* One of the constants EMNIFY_ERR_..., or EMNIFY_OK. */
    std::int32_t code() const noexcept {
        return refusal_ ? EMNIFY_ERR_INVALID_INPUT : emnify_error_code(error_.get());
    }

    /* What happened and what to do about it: one line for a person, without a secret. */
    const char *what() const noexcept override {
        const char *message = refusal_ ? refusal_ : emnify_error_message(error_.get());
        return message ? message : "no error";
    }

    /* The HTTP status of the answer; 0 where there was none. */
    int http_status() const noexcept { return emnify_error_http_status(error_.get()); }

    /* How long to wait before another attempt; -1 ms where nobody says. */
    std::chrono::milliseconds retry_after() const noexcept {
        return std::chrono::milliseconds(emnify_error_retry_after_ms(error_.get()));
    }

    /* Whether the same call may succeed later with nothing changed. */
    bool is_retryable() const noexcept { return emnify_error_is_retryable(error_.get()); }

    /* The state that a rotation stopped in, and goes on from when it is called again: one of the
     * constants EMNIFY_ROTATION_.... EMNIFY_ROTATION_NONE where it is not about a rotation. */
    std::int32_t rotation_state() const noexcept {
        return emnify_error_rotation_state(error_.get());
    }

    /* emnify's own number for it; 0 where the answer had none. */
    std::int64_t api_code() const noexcept { return emnify_error_api_code(error_.get()); }

    /* emnify's own name for it; empty where the answer had none. */
    std::string api_name() const { return detail::text(emnify_error_api_name(error_.get())); }

    /* emnify's own sentence; empty where the answer had none. */
    std::string api_message() const { return detail::text(emnify_error_api_message(error_.get())); }

    /* A message that is nested in emnify's error. */
    struct Nested {
        std::int64_t code;
        std::string name;
        std::string message;
    };

    /* All of them. */
    std::vector<Nested> nested() const {
        const emnify_error *error = error_.get();
        std::vector<Nested> all;
        for (std::size_t i = 0; i < emnify_error_nested_size(error); ++i) {
            all.push_back(Nested{emnify_error_nested_code(error, i),
                                 detail::text(emnify_error_nested_name(error, i)),
                                 detail::text(emnify_error_nested_message(error, i))});
        }
        return all;
    }

private:
    std::shared_ptr<emnify_error> error_;
    const char *refusal_ = nullptr;
};

namespace detail {

#ifndef EMNIFY_NO_EXCEPTIONS
/* Throws what a call set. */
inline void raise(const Error &error) {
    if (error) {
        throw error;
    }
}

/* What a call returns that sets an Error, or throws what it set. */
template <typename Call>
auto or_raise(Call call) -> decltype(call(std::declval<Error &>())) {
    Error error;
    auto result = call(error);
    raise(error);
    return result;
}
#endif

/* Lends a call the place for its error, and moves what was put there into an Error. */
class Into {
public:
    explicit Into(Error &error) : error_(error), raw_(NULL) {}
    Into(const Into &) = delete;
    Into &operator=(const Into &) = delete;
    ~Into() { error_ = Error(raw_); }
    operator emnify_error **() noexcept { return &raw_; }

private:
    Error &error_;
    emnify_error *raw_;
};

} /* namespace detail */

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_ERROR_HPP */
