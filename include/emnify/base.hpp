/* What the other parts stand on. A part of emnify.hpp. */

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

/* Code with and without exceptions may be linked into one program: what differs between the two must
 * not share a name. Names in C have no namespace. */
#ifdef EMNIFY_NO_EXCEPTIONS
#define EMNIFY_HPP_NAMESPACE without_exceptions
#define EMNIFY_HPP_IN_C(name) emnify_hpp_##name##_without_exceptions
#else
#define EMNIFY_HPP_NAMESPACE with_exceptions
#define EMNIFY_HPP_IN_C(name) emnify_hpp_##name##_with_exceptions
#endif

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* An instant. The epoch itself, which is what a default-constructed one holds, means none. */
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
    /* Beyond what the clock can express, the first or last instant that it can. */
    const std::int64_t first =
        std::chrono::duration_cast<seconds>(Time::min().time_since_epoch()).count();
    const std::int64_t last =
        std::chrono::duration_cast<seconds>(Time::max().time_since_epoch()).count();
    return Time(seconds(unix_seconds < first ? first : unix_seconds > last ? last : unix_seconds));
}

inline std::string text(const char *borrowed) { return borrowed ? borrowed : ""; }

/* A std::string may hold a NUL, at which C would silently cut it short. */
inline bool has_nul(const std::string &text) { return text.find('\0') != std::string::npos; }

inline const char *or_null(const std::string &text) { return text.empty() ? NULL : text.c_str(); }

} /* namespace detail */

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_BASE_HPP */
