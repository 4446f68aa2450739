/*
 * emnify.hpp - emnify.h for C++11 and later: handles that free themselves, std::string,
 * std::chrono, and errors as exceptions or as values. Header only; link with -lemnify.
 *
 *     #include <iostream>
 *     #include "emnify.hpp"
 *
 *     int main() try {
 *         emnify::Client client; // from the environment, such as EMNIFY_APPLICATION_TOKEN
 *         emnify::AuthToken auth_token = client.authenticate();
 *         std::cout << "signed in to workspace " << auth_token.organisation_id() << '\n';
 *     } catch (const emnify::Error &error) {
 *         std::cerr << error.what() << '\n';
 *         return 1;
 *     }
 *
 * Each call that can fail has two forms. Without an Error argument it throws emnify::Error. With
 * one as its last argument it does not: it sets the error, or clears it where the call succeeds,
 * and returns something empty after a failure. Where the compiler has exceptions switched off, or
 * EMNIFY_NO_EXCEPTIONS is defined, only the second form is there. (Memory that runs out is reported
 * as the standard library does it.)
 *
 * Handles can be moved and not copied. A handle that was moved from is empty: it converts to false,
 * and a call with it fails with EMNIFY_ERR_INVALID_INPUT. A Client may be used by any number of
 * threads. emnify.h says what each call does, how long it takes and how it fails, and when the
 * functions that you set are called. A Config and each Client made from it keep these alive.
 */

#ifndef EMNIFY_HPP
#define EMNIFY_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "emnify.h"

#if !defined(EMNIFY_NO_EXCEPTIONS) && !defined(__cpp_exceptions) && !defined(__EXCEPTIONS) && \
    !defined(_CPPUNWIND)
#define EMNIFY_NO_EXCEPTIONS
#endif

namespace emnify {

/* Code with and without exceptions may be linked into one program: what differs between the two must
 * not share a name. */
#ifdef EMNIFY_NO_EXCEPTIONS
inline namespace without_exceptions {
#else
inline namespace with_exceptions {
#endif

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

    /* emnify's own number for it; 0 where the answer had none. */
    std::int64_t api_code() const noexcept { return emnify_error_api_code(error_.get()); }

    /* emnify's own word for it; empty where the answer had none. */
    std::string api_token() const { return detail::text(emnify_error_api_token(error_.get())); }

    /* emnify's own sentence; empty where the answer had none. */
    std::string api_message() const { return detail::text(emnify_error_api_message(error_.get())); }

    /* A message that is nested in emnify's error. */
    struct Nested {
        std::int64_t code;
        std::string token;
        std::string message;
    };

    /* All of them. */
    std::vector<Nested> nested() const {
        const emnify_error *error = error_.get();
        std::vector<Nested> all;
        for (std::size_t i = 0; i < emnify_error_nested_size(error); ++i) {
            all.push_back(Nested{emnify_error_nested_code(error, i),
                                 detail::text(emnify_error_nested_token(error, i)),
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

/* Something that happened to a session. It is there while the observer runs; copy what you keep. */
class Event {
public:
    explicit Event(const emnify_event *event) noexcept : event_(event) {}

    /* One of the constants EMNIFY_EVENT_.... */
    std::int32_t kind() const noexcept { return emnify_event_kind(event_); }

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

inline void emnify_hpp_observe(void *user, const emnify_event *event) {
    contain([=] { (*static_cast<const Observer *>(user))(Event(event)); });
}

inline std::size_t emnify_hpp_ask(void *user, char *code, std::size_t capacity) {
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

} /* extern "C" */

} /* namespace detail */

/*
 * How a client shall sign in and connect. What is not set comes from the environment or has a
 * default. The setters do not fail; what is wrong with a value is reported when a Client is made.
 */
class Config {
public:
    Config() noexcept : config_(emnify_config_new()) {}

    /* Whether there is one: not after it was moved from. */
    explicit operator bool() const noexcept { return static_cast<bool>(config_); }

    /* It is copied. Wipe your own copy when you no longer need it. */
    Config &set_application_token(const char *token, std::size_t length) {
        return set([&](Error &error) {
            emnify_config_set_application_token(get(), token, length, detail::Into(error));
        });
    }

    Config &set_application_token(const std::string &token) {
        return set_application_token(token.data(), token.size());
    }

    Config &set_application_token_file(const std::string &path) {
        return set_text(emnify_config_set_application_token_file, path,
                        "application_token_file: has a NUL");
    }

    Config &set_base_url(const std::string &url) {
        return set_text(emnify_config_set_base_url, url, "base_url: has a NUL");
    }

    /* A negative time is refused like 0; more than 49 days are taken for 49 days. */
    Config &set_timeout(std::chrono::milliseconds timeout) {
        return set([&](Error &error) {
            emnify_config_set_timeout_ms(get(), count(timeout), detail::Into(error));
        });
    }

    Config &set_connect_timeout(std::chrono::milliseconds timeout) {
        return set([&](Error &error) {
            emnify_config_set_connect_timeout_ms(get(), count(timeout), detail::Into(error));
        });
    }

    Config &set_ca_bundle(const std::string &path) {
        return set_text(emnify_config_set_ca_bundle, path, "ca_bundle: has a NUL");
    }

    Config &set_proxy(const std::string &url) {
        return set_text(emnify_config_set_proxy, url, "proxy: has a NUL");
    }

    /* A directory in which the session outlives the process. */
    Config &set_store(const std::string &path) {
        return set_text(emnify_config_set_store, path, "store: has a NUL");
    }

    /* A person's credentials. They are copied. Wipe your own copy when you no longer need it. */
    Config &set_user(const std::string &username, const char *password, std::size_t length) {
        return set([&](Error &error) {
            if (detail::has_nul(username)) {
                error = Error::invalid_input("username: has a NUL");
            } else {
                emnify_config_set_user(get(), username.c_str(), password, length,
                                       detail::Into(error));
            }
        });
    }

    Config &set_user(const std::string &username, const std::string &password) {
        return set_user(username, password.data(), password.size());
    }

    /* Who asks the person for the one-time code. An exception that leaves it means that there is no
     * code. */
    Config &set_mfa(Mfa mfa) {
        return set([&](Error &error) {
            if (!mfa) {
                error = Error::invalid_input("mfa: is empty");
            } else {
                callbacks_.mfa = std::make_shared<Mfa>(std::move(mfa));
                emnify_config_set_mfa(get(), detail::emnify_hpp_ask, callbacks_.mfa.get(),
                                      detail::Into(error));
            }
        });
    }

    /* The device that the person signs in from, by a fingerprint that is hard to guess. */
    Config &set_trusted_device(const char *fingerprint, std::size_t length,
                               const std::string &name) {
        return set([&](Error &error) {
            if (detail::has_nul(name)) {
                error = Error::invalid_input("name: has a NUL");
            } else {
                emnify_config_set_trusted_device(get(), fingerprint, length, name.c_str(),
                                                 detail::Into(error));
            }
        });
    }

    Config &set_trusted_device(const std::string &fingerprint, const std::string &name) {
        return set_trusted_device(fingerprint.data(), fingerprint.size(), name);
    }

    /* Who is told what happens. An exception that leaves it is dropped. */
    Config &set_observer(Observer observer) {
        return set([&](Error &error) {
            if (!observer) {
                error = Error::invalid_input("observer: is empty");
            } else {
                callbacks_.observer = std::make_shared<Observer>(std::move(observer));
                emnify_config_set_observer(get(), detail::emnify_hpp_observe,
                                           callbacks_.observer.get(), detail::Into(error));
            }
        });
    }

    /* The handle of the C interface, still owned by this. It does not keep alive the functions that
     * were set. */
    emnify_config *get() const noexcept { return config_.get(); }

    /* The first thing that was wrong, if anything was. */
    const Error &error() const noexcept { return error_; }

private:
    friend class Client;

    template <typename Setter>
    Config &set(Setter setter) {
        if (!error_) {
            setter(error_);
        }
        return *this;
    }

    Config &set_text(int32_t (*setter)(emnify_config *, const char *, emnify_error **),
                     const std::string &text, const char *refusal) {
        return set([&](Error &error) {
            if (detail::has_nul(text)) {
                error = Error::invalid_input(refusal);
            } else {
                setter(get(), text.c_str(), detail::Into(error));
            }
        });
    }

    static std::uint32_t count(std::chrono::milliseconds time) noexcept {
        const std::int64_t most = UINT32_MAX, count = time.count();
        return static_cast<std::uint32_t>(count < 0 ? 0 : count < most ? count : most);
    }

    detail::Handle<emnify_config, emnify_config_free> config_;
    detail::Callbacks callbacks_;
    Error error_;
};

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

/* What a new application token shall be like. What is empty is not set. */
struct TokenOptions {
    std::string description;
    /* A date or an instant in RFC 3339; or `expires_at`, not both. */
    std::string expiry_date;
    Time expires_at;
    std::string ip;
};

/* An application token that was just created, its value shown this once. Wiped when destroyed. */
class CreatedToken {
public:
    /* None. */
    CreatedToken() noexcept {}

    /* Takes over a handle of the C interface. */
    explicit CreatedToken(emnify_created_token *created) noexcept : created_(created) {}

    explicit operator bool() const noexcept { return static_cast<bool>(created_); }

    /* The application token itself, a secret; NULL if there is none. Borrowed. */
    const char *reveal() const noexcept { return emnify_created_token_reveal(get()); }

    /* Its id; 0 where it could not be found out for certain. */
    std::uint64_t id() const noexcept { return emnify_created_token_id(get()); }

    const emnify_created_token *get() const noexcept { return created_.get(); }

private:
    detail::Handle<emnify_created_token, emnify_created_token_free> created_;
};

/* What is known about an application token; never its value. What is absent is empty. */
struct Token {
    std::uint64_t id;
    std::string description;
    /* EMNIFY_TOKEN_ACTIVATED, _REVOKED, _STATUS_UNKNOWN, or a number that is not known here. */
    std::int64_t status;
    Time created_at;
    /* As the server wrote it; empty if it does not expire. */
    std::string expiry_date;
    Time expires_at;
    std::string ip;
    std::string creator;
};

/* A machine that is signed in to emnify, or about to be. Any number of threads may use one. */
class Client {
public:
#ifndef EMNIFY_NO_EXCEPTIONS
    /* Set up by the environment alone. */
    Client() {
        Error error;
        make(NULL, error);
        detail::raise(error);
    }

    explicit Client(const Config &config) {
        Error error;
        make(config, error);
        detail::raise(error);
    }
#endif

    /* Set up by the environment alone. */
    explicit Client(Error &error) { make(NULL, error); }

    Client(const Config &config, Error &error) { make(config, error); }

    explicit operator bool() const noexcept { return static_cast<bool>(client_); }

    /* An auth token that is valid now. Ask each time you need one and keep none. */
    AuthToken authenticate(Error &error) const {
        emnify_auth_token *token = NULL;
        emnify_authenticate(get(), &token, detail::Into(error));
        return AuthToken(token);
    }

    /* The value of the header Authorization, for those who want a string more than a wiped one. */
    std::string authorization_header(Error &error) const {
        std::size_t length = 1023;
        std::string header;
        /* Once more for a token that is longer than any was, or than the one before. */
        do {
            header.assign(length + 1, '\0');
            length = 0;
            emnify_authorization_header(get(), &header[0], header.size(), &length,
                                        detail::Into(error));
        } while (length >= header.size());
        header.resize(error ? 0 : length);
        return header;
    }

    /* Tells that a server refused the auth token (HTTP 401). */
    void invalidate(const AuthToken &token) const noexcept {
        emnify_invalidate(get(), token.get());
    }

    /* The same for who has only the text, as authorization_header() gave it or without "Bearer". */
    void invalidate_text(const std::string &text) const noexcept {
        emnify_invalidate_text(get(), text.data(), text.size());
    }

    /* How the session stands. Nothing is sent. */
    Status status(Error &error) const {
        emnify_status *status = NULL;
        emnify_status_new(get(), &status, detail::Into(error));
        return Status(status);
    }

    /* Creates an application token. */
    CreatedToken token_create(const TokenOptions &options, Error &error) const {
        emnify_created_token *created = NULL;
        if (detail::has_nul(options.description)) {
            error = Error::invalid_input("description: has a NUL");
        } else if (detail::has_nul(options.expiry_date)) {
            error = Error::invalid_input("expiry_date: has a NUL");
        } else if (detail::has_nul(options.ip)) {
            error = Error::invalid_input("ip: has a NUL");
        } else {
            emnify_token_options c_options = EMNIFY_TOKEN_OPTIONS_INIT;
            c_options.description = detail::or_null(options.description);
            c_options.expiry_date = detail::or_null(options.expiry_date);
            c_options.expires_at = std::chrono::duration_cast<std::chrono::seconds>(
                                       options.expires_at.time_since_epoch())
                                       .count();
            c_options.ip = detail::or_null(options.ip);
            emnify_token_create(get(), &c_options, &created, detail::Into(error));
        }
        return CreatedToken(created);
    }

    /* All application tokens of the workspace, expired and revoked ones too. */
    std::vector<Token> token_list(Error &error) const {
        emnify_tokens *raw = NULL;
        emnify_token_list(get(), &raw, detail::Into(error));
        const detail::Handle<emnify_tokens, emnify_token_list_free> list(raw);
        std::vector<Token> tokens;
        for (std::size_t i = 0; i < emnify_token_list_size(list.get()); ++i) {
            tokens.push_back(row(emnify_token_list_at(list.get(), i)));
        }
        return tokens;
    }

    /* Changes the label of an application token. */
    bool token_update(std::uint64_t id, const std::string &description, Error &error) const {
        if (detail::has_nul(description)) {
            error = Error::invalid_input("description: has a NUL");
        } else {
            emnify_token_update(get(), id, description.c_str(), detail::Into(error));
        }
        return !error;
    }

    /* Revokes an application token for good. */
    bool token_revoke(std::uint64_t id, Error &error) const {
        emnify_token_revoke(get(), id, detail::Into(error));
        return !error;
    }

#ifndef EMNIFY_NO_EXCEPTIONS
    AuthToken authenticate() const {
        Error error;
        AuthToken token = authenticate(error);
        detail::raise(error);
        return token;
    }

    std::string authorization_header() const {
        Error error;
        std::string header = authorization_header(error);
        detail::raise(error);
        return header;
    }

    Status status() const {
        Error error;
        Status status = this->status(error);
        detail::raise(error);
        return status;
    }

    CreatedToken token_create(const TokenOptions &options = TokenOptions()) const {
        Error error;
        CreatedToken created = token_create(options, error);
        detail::raise(error);
        return created;
    }

    std::vector<Token> token_list() const {
        Error error;
        std::vector<Token> tokens = token_list(error);
        detail::raise(error);
        return tokens;
    }

    void token_update(std::uint64_t id, const std::string &description) const {
        Error error;
        token_update(id, description, error);
        detail::raise(error);
    }

    void token_revoke(std::uint64_t id) const {
        Error error;
        token_revoke(id, error);
        detail::raise(error);
    }
#endif

    const emnify_client *get() const noexcept { return client_.get(); }

private:
    void make(const Config &config, Error &error) {
        if (config.error()) {
            error = config.error();
        } else if (!config) {
            /* NULL would mean the environment alone, which is not what was asked for. */
            error = Error::invalid_input("config: was moved from");
        } else {
            make(config.get(), error);
            callbacks_ = config.callbacks_;
        }
    }

    void make(const emnify_config *config, Error &error) {
        emnify_client *client = NULL;
        emnify_client_new(config, &client, detail::Into(error));
        client_.reset(client);
    }

    static Token row(const emnify_token *token) {
        return Token{emnify_token_id(token),
                     detail::text(emnify_token_description(token)),
                     emnify_token_status(token),
                     detail::time(emnify_token_created_at(token)),
                     detail::text(emnify_token_expiry_date(token)),
                     detail::time(emnify_token_expires_at(token)),
                     detail::text(emnify_token_ip(token)),
                     detail::text(emnify_token_creator(token))};
    }

    detail::Callbacks callbacks_;
    detail::Handle<emnify_client, emnify_client_free> client_;
};

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_HPP */
