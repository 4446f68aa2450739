/* Any other call of the API, and collections row by row. A part of emnify.hpp. */

#ifndef EMNIFY_REQUEST_HPP
#define EMNIFY_REQUEST_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base.hpp"
#include "callback.hpp"
#include "error.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

namespace detail {

/* Lends C what is not changed meanwhile; false if it has a NUL. */
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

/* What a call carries besides its method and path. */
struct RequestOptions {
    /* They follow those that the path has, and are encoded as they must be. */
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>> headers;
    /* Sent as it is; a header Content-Type says what it is, JSON where none does. Empty: none. */
    std::string body;
};

/* The answer to a call that succeeded. Its body is wiped when destroyed. */
class Response {
public:
    /* None. */
    Response() noexcept {}

    /* Takes over a handle of the C interface. */
    explicit Response(emnify_response *response) noexcept : response_(response) {}

    explicit operator bool() const noexcept { return static_cast<bool>(response_); }

    /* The HTTP status, from 200 to 299; 0 if there is no answer. */
    int status() const noexcept { return emnify_response_status(get()); }

    /* A header by its name, in any case; empty where there is none. */
    std::string header(const std::string &name) const {
        return detail::has_nul(name)
                   ? std::string()
                   : detail::text(emnify_response_header(get(), name.c_str()));
    }

    /* The body, and how many bytes that is; a NUL is behind it. Borrowed; NULL if there is no
     * answer. */
    const char *data() const noexcept { return emnify_response_body(get(), NULL); }

    std::size_t size() const noexcept {
        std::size_t length = 0;
        emnify_response_body(get(), &length);
        return length;
    }

    /* The body, for those who want a string more than a wiped one. */
    std::string body() const { return *this ? std::string(data(), size()) : std::string(); }

    const emnify_response *get() const noexcept { return response_.get(); }

private:
    detail::Handle<emnify_response, emnify_response_free> response_;
};

/*
 * The rows of a collection, each once and each as a line of JSON. A page is fetched when its first
 * row is asked for. One thread at a time; they may outlive their client.
 */
class Pages {
public:
    /* None. */
    Pages() noexcept {}

    /* Takes over a handle of the C interface. */
    explicit Pages(emnify_pages *pages) noexcept : pages_(pages) {}

    explicit operator bool() const noexcept { return static_cast<bool>(pages_); }

    /* Sets the next row, and returns whether there was one: not after the last, and not after a
     * failure, which ends them. */
    bool next(std::string &row, Error &error) {
        const char *text = NULL;
        std::size_t length = 0;
        emnify_pages_next(get(), &text, &length, detail::Into(error));
        if (text) {
            row.assign(text, length);
        }
        return text != NULL;
    }

#ifndef EMNIFY_NO_EXCEPTIONS
    bool next(std::string &row) {
        return detail::or_raise([&](Error &error) { return next(row, error); });
    }

    /* For `for (const std::string &row : client.paginate("/api/v1/sim"))`. There is one pass. */
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;
        using pointer = const std::string *;
        using reference = const std::string &;

        /* The end. */
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

        /* All that are not at the end are alike. */
        bool operator==(const iterator &other) const noexcept { return pages_ == other.pages_; }
        bool operator!=(const iterator &other) const noexcept { return pages_ != other.pages_; }

    private:
        friend class Pages;

        explicit iterator(Pages *pages) : pages_(pages) { ++*this; }

        Pages *pages_ = nullptr;
        std::string row_;
    };

    /* Fetches the first row that was not asked for yet. */
    iterator begin() { return iterator(this); }

    iterator end() noexcept { return iterator(); }
#endif

    emnify_pages *get() const noexcept { return pages_.get(); }

private:
    friend class Client;

    detail::Callbacks callbacks_;
    detail::Handle<emnify_pages, emnify_pages_free> pages_;
};

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_REQUEST_HPP */
