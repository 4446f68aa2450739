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

/* An error, or none. Calls throw it or set it. Copies share their content. */
class Error : public std::exception {
public:
    /* Creates an object without an error. */
    Error() noexcept {}

    /* Takes ownership of a C error; NULL means none. */
    explicit Error(emnify_error *error) {
        if (error) {
            error_.reset(error, emnify_error_free);
        }
    }

    /* Returns a copy of a borrowed C error; NULL means none. */
    static Error copy_of(const emnify_error *error) { return Error(emnify_error_copy(error)); }

    /* Creates the error for an argument that this header refuses. The message must be a literal. */
    static Error invalid_input(const char *message) noexcept {
        Error error;
        error.refusal_ = message;
        return error;
    }

    /* Whether there is an error. */
    explicit operator bool() const noexcept { return code() != EMNIFY_OK; }

    /* Returns the kind of the error: one of EMNIFY_ERR_..., or EMNIFY_OK. */
    std::int32_t code() const noexcept {
        return refusal_ ? EMNIFY_ERR_INVALID_INPUT : emnify_error_code(error_.get());
    }

    /* Returns which part of the exchange failed, one of EMNIFY_REASON_...: where to look first.
     * EMNIFY_REASON_NONE if that is not known. */
    std::int32_t reason() const noexcept { return emnify_error_reason(error_.get()); }

    /* Returns what failed and what to do: one line for a person, without a secret. */
    const char *what() const noexcept override {
        const char *message = refusal_ ? refusal_ : emnify_error_message(error_.get());
        return message ? message : "no error";
    }

    /* Returns the HTTP status of the response; 0 if there was no response. */
    int http_status() const noexcept { return emnify_error_http_status(error_.get()); }

    /* Returns how long to wait before another attempt; -1 ms if no wait is set. */
    std::chrono::milliseconds retry_after() const noexcept {
        return std::chrono::milliseconds(emnify_error_retry_after_ms(error_.get()));
    }

    /* Whether the same call may succeed later without a change. */
    bool is_retryable() const noexcept { return emnify_error_is_retryable(error_.get()); }

    /* Returns the state in which a rotation stopped, one of EMNIFY_ROTATION_.... The next
     * token_rotate() continues from it. EMNIFY_ROTATION_NONE if it is not about a rotation. */
    std::int32_t rotation_state() const noexcept {
        return emnify_error_rotation_state(error_.get());
    }

    /* Returns emnify's number for the error; 0 if the response had none. */
    std::int64_t api_code() const noexcept { return emnify_error_api_code(error_.get()); }

    /* Returns emnify's name for the error; empty if the response had none. */
    std::string api_name() const { return detail::text(emnify_error_api_name(error_.get())); }

    /* Returns emnify's message; empty if the response had none. */
    std::string api_message() const { return detail::text(emnify_error_api_message(error_.get())); }

    /* A detail of emnify's error, usually about one invalid field. */
    struct Nested {
        std::int64_t code;
        std::string name;
        std::string message;
    };

    /* Returns all details. */
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
/* Throws the error, if there is one. */
inline void raise(const Error &error) {
    if (error) {
        throw error;
    }
}

/* Returns the result of a call that sets an Error, or throws that Error. */
template <typename Call>
auto or_raise(Call call) -> decltype(call(std::declval<Error &>())) {
    Error error;
    auto result = call(error);
    raise(error);
    return result;
}
#endif

/* Makes a C call with these arguments and an emnify_error ** as the last one, and sets or clears
 * `error`. Returns whether it succeeded. */
template <typename Function, typename... Arguments>
bool call(Error &error, Function function, Arguments... arguments) {
    emnify_error *raw = NULL;
    const bool is_ok = function(arguments..., &raw) == EMNIFY_OK;
    error = Error(raw);
    return is_ok;
}

} /* namespace detail */

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_ERROR_HPP */
