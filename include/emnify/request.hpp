/* Requests to the API, and collections. A part of emnify.hpp. */

#ifndef EMNIFY_REQUEST_HPP
#define EMNIFY_REQUEST_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base.hpp"
#include "error.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

namespace detail {

/* Fills `c_pairs` with pointers into `pairs`; false if a text contains a NUL. */
inline bool lend(const std::vector<std::pair<std::string, std::string>> &pairs,
                 std::vector<emnify_pair> &c_pairs) {
    for (const std::pair<std::string, std::string> &pair : pairs) {
        if (has_nul(pair.first) || has_nul(pair.second)) {
            return false;
        }
        c_pairs.push_back(emnify_pair{pair.first.c_str(), pair.second.c_str()});
    }
    return true;
}

} /* namespace detail */

/* Optional parts of a request. */
struct RequestOptions {
    /* Query parameters, added to those in the path. The library encodes them. */
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>> headers;
    /* Sent unchanged. It is JSON unless a header Content-Type says otherwise. Empty: none. */
    std::string body;
    /* How long this call may take, with all waits and retries. Zero: the client's timeout. */
    std::chrono::milliseconds timeout{0};
};

/* The response to a request that succeeded. Its body is wiped when it is destroyed. */
class Response {
public:
    /* Creates an empty object. */
    Response() noexcept {}

    /* Takes ownership of a C handle. */
    explicit Response(emnify_response *response) noexcept : response_(response) {}

    explicit operator bool() const noexcept { return static_cast<bool>(response_); }

    /* Returns the HTTP status, 200 to 299; 0 if the object is empty. */
    int status() const noexcept { return emnify_response_status(get()); }

    /* Returns the value of a header; the name is not case-sensitive. Empty if there is none. */
    std::string header(const std::string &name) const {
        return detail::has_nul(name)
                   ? std::string()
                   : detail::text(emnify_response_header(get(), name.c_str()));
    }

    /* Returns the body, followed by a NUL; size() returns its length without that NUL. Borrowed;
     * NULL if the object is empty. */
    const char *data() const noexcept { return emnify_response_body(get(), NULL); }

    std::size_t size() const noexcept {
        std::size_t length = 0;
        emnify_response_body(get(), &length);
        return length;
    }

    /* Returns the body as a string, which is not wiped. */
    std::string body() const { return *this ? std::string(data(), size()) : std::string(); }

    const emnify_response *get() const noexcept { return response_.get(); }

private:
    detail::Handle<emnify_response, emnify_response_free> response_;
};

/*
 * An iterator over the rows of a collection. It reads page after page and returns each row once, as
 * one line of JSON. One thread at a time; it may outlive its client.
 */
class Pages {
public:
    /* Creates an empty object. */
    Pages() noexcept {}

    /* Takes ownership of a C handle. */
    explicit Pages(emnify_pages *pages) noexcept : pages_(pages) {}

    explicit operator bool() const noexcept { return static_cast<bool>(pages_); }

    /* Sets `row` to the next row. Returns false after the last row and after an error, which ends
     * the iteration. */
    bool next(std::string &row, Error &error) {
        const char *text = NULL;
        std::size_t length = 0;
        detail::call(error, emnify_pages_next, get(), &text, &length);
        if (text) {
            row.assign(text, length);
        }
        return text != NULL;
    }

#ifndef EMNIFY_NO_EXCEPTIONS
    bool next(std::string &row) {
        return detail::or_raise([&](Error &error) { return next(row, error); });
    }

    /* For `for (const std::string &row : client.paginate("/api/v1/sim"))`. Single-pass. */
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;
        using pointer = const std::string *;
        using reference = const std::string &;

        /* Creates the end iterator. */
        iterator() noexcept {}

        reference operator*() const noexcept { return row_; }
        pointer operator->() const noexcept { return &row_; }

        iterator &operator++() {
            if (!pages_->next(row_)) {
                pages_ = nullptr;
            }
            return *this;
        }

        iterator operator++(int) {
            iterator before = *this;
            ++*this;
            return before;
        }

        /* Iterators are equal if both are at the end or neither is. */
        bool operator==(const iterator &other) const noexcept { return pages_ == other.pages_; }
        bool operator!=(const iterator &other) const noexcept { return pages_ != other.pages_; }

    private:
        friend class Pages;

        explicit iterator(Pages *pages) : pages_(pages) { ++*this; }

        Pages *pages_ = nullptr;
        std::string row_;
    };

    /* Reads the next row. */
    iterator begin() { return iterator(this); }

    iterator end() noexcept { return iterator(); }
#endif

    emnify_pages *get() const noexcept { return pages_.get(); }

private:
    detail::Handle<emnify_pages, emnify_pages_free> pages_;
};

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_REQUEST_HPP */
