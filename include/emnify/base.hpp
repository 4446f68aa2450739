/* Basics for the other parts of emnify.hpp. */

#ifndef EMNIFY_BASE_HPP
#define EMNIFY_BASE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "../emnify.h"

#if !defined(EMNIFY_NO_EXCEPTIONS) && !defined(__cpp_exceptions) && !defined(__EXCEPTIONS) && \
    !defined(_CPPUNWIND)
#define EMNIFY_NO_EXCEPTIONS
#endif

/* Code with and without exceptions may be linked into one program, so what differs between the two
 * needs different names. C functions are not in a namespace and need a suffix. */
#ifdef EMNIFY_NO_EXCEPTIONS
#define EMNIFY_HPP_NAMESPACE without_exceptions
#define EMNIFY_HPP_IN_C(name) emnify_hpp_##name##_without_exceptions
#else
#define EMNIFY_HPP_NAMESPACE with_exceptions
#define EMNIFY_HPP_IN_C(name) emnify_hpp_##name##_with_exceptions
#endif

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* A point in time. The epoch, which is the default, means none. */
using Time = std::chrono::system_clock::time_point;

namespace detail {

template <typename T, void (*free_function)(T *)>
struct Free {
    void operator()(T *handle) const noexcept { free_function(handle); }
};

template <typename T, void (*free_function)(T *)>
using Handle = std::unique_ptr<T, Free<T, free_function>>;

inline Time time(std::int64_t unix_seconds) {
    using std::chrono::seconds;
    /* Limited to what the clock can represent. */
    const std::int64_t first =
        std::chrono::duration_cast<seconds>(Time::min().time_since_epoch()).count();
    const std::int64_t last =
        std::chrono::duration_cast<seconds>(Time::max().time_since_epoch()).count();
    return Time(seconds(unix_seconds < first ? first : unix_seconds > last ? last : unix_seconds));
}

inline std::uint32_t count(std::chrono::milliseconds time) noexcept {
    const std::int64_t most = UINT32_MAX, count = time.count();
    return static_cast<std::uint32_t>(count < 0 ? 0 : count < most ? count : most);
}

inline std::string text(const char *borrowed) { return borrowed ? borrowed : ""; }

/* A std::string may contain a NUL, at which C would silently truncate it. */
inline bool has_nul(const std::string &text) { return text.find('\0') != std::string::npos; }

inline const char *or_null(const std::string &text) { return text.empty() ? NULL : text.c_str(); }

} /* namespace detail */

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_BASE_HPP */
