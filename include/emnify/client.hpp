/* The client and all its calls. A part of emnify.hpp. */

#ifndef EMNIFY_CLIENT_HPP
#define EMNIFY_CLIENT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base.hpp"
#include "callback.hpp"
#include "config.hpp"
#include "error.hpp"
#include "request.hpp"
#include "session.hpp"
#include "token.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/* A client of emnify's API that keeps itself signed in. Any number of threads may use it. */
class Client {
public:
#ifndef EMNIFY_NO_EXCEPTIONS
    /* Takes all settings from the environment. */
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

    /* Takes all settings from the environment. */
    explicit Client(Error &error) { make(NULL, error); }

    Client(const Config &config, Error &error) { make(config, error); }

    explicit operator bool() const noexcept { return static_cast<bool>(client_); }

    /* Returns an auth token that is valid now. Call this each time you need one; do not keep it. */
    AuthToken authenticate(Error &error) const {
        emnify_auth_token *token = NULL;
        detail::call(error, emnify_authenticate, get(), &token);
        return AuthToken(token);
    }

    /* Like authenticate(), but takes at most `timeout` instead of the client's timeout. */
    AuthToken authenticate_within(std::chrono::milliseconds timeout, Error &error) const {
        emnify_auth_token *token = NULL;
        if (timeout.count() < 0 || timeout.count() > UINT32_MAX) {
            error = Error::invalid_input("timeout: is out of range");
        } else {
            detail::call(error, emnify_authenticate_within, get(),
                         static_cast<std::uint32_t>(timeout.count()), &token);
        }
        return AuthToken(token);
    }

    /* Returns an auth token that stays valid for at least this long. */
    AuthToken authenticate_for(std::chrono::milliseconds valid_for, Error &error) const {
        emnify_auth_token *token = NULL;
        detail::call(error, emnify_authenticate_for, get(), detail::count(valid_for), &token);
        return AuthToken(token);
    }

    /* Returns the value of the header Authorization. The string is not wiped. */
    std::string authorization_header(Error &error) const {
        return text(emnify_authorization_header, 1023, error);
    }

    /* Like authorization_header(), but never waits. Fails with EMNIFY_ERR_PENDING while a thread of
     * the library signs in. For programs with an event loop: see fd(). */
    std::string try_authorization_header(Error &error) const {
        return text(emnify_try_authorization_header, 1023, error);
    }

    /* Returns a descriptor that is readable when a token arrived, an attempt failed or an event
     * waits; -1 after an error. Then call process(). From this call on, a thread keeps the client
     * signed in. Stop watching it before the client is destroyed. Not on Windows. */
    int fd(Error &error) const {
        std::int32_t fd = -1;
        detail::call(error, emnify_client_fd, get(), &fd);
        return fd;
    }

    /* Makes that descriptor unreadable, and passes the events to the observer. */
    bool process(Error &error) const {
        return detail::call(error, emnify_client_process, get());
    }

    /* Reports that a server refused the auth token (HTTP 401). */
    void invalidate(const AuthToken &token) const noexcept {
        emnify_invalidate(get(), token.get());
    }

    /* Reports a refused auth token by its text or by the value of authorization_header(). */
    void invalidate_text(const std::string &text) const noexcept {
        emnify_invalidate_text(get(), text.data(), text.size());
    }

    /* Ends the back-off after failed attempts to sign in. Call this when the network link comes up.
     * The back-off after a 429 or refused credentials continues. */
    void retry_now() const noexcept { emnify_client_retry_now(get()); }

    /* Cancels all current and later calls of this client and of its Pages. They fail with
     * EMNIFY_ERR_CANCELLED. To destroy a client that other threads use: cancel, join these threads,
     * destroy. A call that waits for a response ends at once only with set_cancellable(true). */
    void cancel() const noexcept { emnify_client_cancel(get()); }

    /* Returns the status of the session. Makes no request. */
    Status status(Error &error) const {
        emnify_status *status = NULL;
        detail::call(error, emnify_status_new, get(), &status);
        return Status(status);
    }

    /* Checks what the client needs, from the environment variables to the store. `rights`: whether
     * to check the right to revoke application tokens, which writes to emnify. */
    std::vector<Check> check(bool rights, Error &error) const {
        emnify_checks *raw = NULL;
        detail::call(error, emnify_client_check, get(), rights, &raw);
        const detail::Handle<emnify_checks, emnify_checks_free> checks(raw);
        std::vector<Check> found;
        for (std::size_t i = 0; i < emnify_checks_size(raw); ++i) {
            const emnify_check *one = emnify_checks_at(raw, i);
            found.push_back(Check{emnify_check_verdict(one),
                                  detail::text(emnify_check_subject(one)),
                                  detail::text(emnify_check_tried(one)),
                                  detail::text(emnify_check_found(one)),
                                  detail::text(emnify_check_advice(one))});
        }
        return found;
    }

    /* Returns metrics in the OpenMetrics text format, for Prometheus. Makes no request. */
    std::string metrics(Error &error) const { return text(emnify_client_metrics, 8191, error); }

    /* Returns a client for another workspace. This client stays in its own. */
    EMNIFY_NODISCARD Client switch_workspace(std::uint64_t id, Error &error) const {
        emnify_client *client = NULL;
        detail::call(error, emnify_switch_workspace, get(), id, &client);
        return Client(client);
    }

    /* Makes any request to the API. The path is relative to the base URL. */
    Response request(const std::string &method, const std::string &path,
                     const RequestOptions &options, Error &error) const {
        emnify_response *response = NULL;
        std::vector<emnify_pair> query, headers;
        if (detail::has_nul(method)) {
            error = Error::invalid_input("method: contains a NUL");
        } else if (detail::has_nul(path)) {
            error = Error::invalid_input("path: contains a NUL");
        } else if (!detail::lend(options.query, query)) {
            error = Error::invalid_input("query: contains a NUL");
        } else if (!detail::lend(options.headers, headers)) {
            error = Error::invalid_input("headers: contains a NUL");
        } else if (options.timeout.count() < 0) {
            error = Error::invalid_input("timeout: is negative");
        } else {
            emnify_request_options c_options = EMNIFY_REQUEST_OPTIONS_INIT;
            c_options.query = query.data();
            c_options.query_size = query.size();
            c_options.headers = headers.data();
            c_options.headers_size = headers.size();
            c_options.body = options.body.empty() ? NULL : options.body.data();
            c_options.body_length = options.body.size();
            c_options.timeout_ms = static_cast<std::uint64_t>(options.timeout.count());
            detail::call(error, emnify_request, get(), method.c_str(), path.c_str(), &c_options,
                         &response);
        }
        return Response(response);
    }

    /* Returns the rows of a collection. `per_page` rows are read with each request; 0 means 100. */
    EMNIFY_NODISCARD Pages paginate(const std::string &path, std::uint64_t per_page,
                                    Error &error) const {
        emnify_pages *pages = NULL;
        if (detail::has_nul(path)) {
            error = Error::invalid_input("path: contains a NUL");
        } else {
            detail::call(error, emnify_paginate, get(), path.c_str(), per_page, &pages);
        }
        return Pages(pages);
    }

    /* Creates an application token. */
    EMNIFY_NODISCARD CreatedToken token_create(const TokenOptions &options, Error &error) const {
        emnify_created_token *created = NULL;
        if (!has_nul(options, error)) {
            emnify_token_options c_options = EMNIFY_TOKEN_OPTIONS_INIT;
            lend(options, c_options);
            detail::call(error, emnify_token_create, get(), &c_options, &created);
        }
        return CreatedToken(created);
    }

    /* Returns all application tokens of the workspace, also expired and revoked ones, each with
     * what was found about it. */
    std::vector<Token> token_list(const ListOptions &options, Error &error) const {
        emnify_tokens *raw = NULL;
        if (options.expires_within.count() < 0) {
            error = Error::invalid_input("expires_within: is negative");
        } else if (options.older_than.count() < 0) {
            error = Error::invalid_input("older_than: is negative");
        } else if (options.refused_within.count() < 0) {
            error = Error::invalid_input("refused_within: is negative");
        } else {
            emnify_list_options c_options = EMNIFY_LIST_OPTIONS_INIT;
            c_options.expires_within_s = static_cast<std::uint64_t>(options.expires_within.count());
            c_options.older_than_s = static_cast<std::uint64_t>(options.older_than.count());
            c_options.refused_within_s = static_cast<std::uint64_t>(options.refused_within.count());
            detail::call(error, emnify_token_list, get(), &c_options, &raw);
        }
        const detail::Handle<emnify_tokens, emnify_token_list_free> tokens(raw);
        std::vector<Token> rows;
        for (std::size_t i = 0; i < emnify_token_list_size(raw); ++i) {
            rows.push_back(row(emnify_token_list_at(raw, i)));
        }
        return rows;
    }

    /* Returns the properties of the application token that this client signs in with; NULL if the
     * auth token does not contain its id. */
    std::unique_ptr<Token> token_own(Error &error) const {
        emnify_token *raw = NULL;
        detail::call(error, emnify_token_own, get(), &raw);
        const detail::Handle<emnify_token, emnify_token_free> own(raw);
        return std::unique_ptr<Token>(own ? new Token(row(raw)) : NULL);
    }

    /* Returns the sign-ins with application tokens that emnify refused within this time, of all
     * machines in the workspace, the latest first. 0: those of the 30 days that emnify keeps. */
    std::vector<Failure> token_failures(std::chrono::seconds since, Error &error) const {
        emnify_failures *raw = NULL;
        if (since.count() < 0) {
            error = Error::invalid_input("since: is negative");
        } else {
            detail::call(error, emnify_token_failures, get(),
                         static_cast<std::uint64_t>(since.count()), &raw);
        }
        const detail::Handle<emnify_failures, emnify_token_failures_free> failures(raw);
        std::vector<Failure> rows;
        for (std::size_t i = 0; i < emnify_token_failures_size(raw); ++i) {
            rows.push_back(row(emnify_token_failures_at(raw, i)));
        }
        return rows;
    }

    /* Returns the properties of the application token with this value, which was found in public.
     * Check its findings before you revoke it. */
    std::unique_ptr<Token> token_identify(const std::string &value, Error &error) const {
        emnify_token *raw = NULL;
        detail::call(error, emnify_token_identify, get(), value.data(), value.size(), &raw);
        const detail::Handle<emnify_token, emnify_token_free> found(raw);
        return std::unique_ptr<Token>(found ? new Token(row(raw)) : NULL);
    }

    /* Returns what the value of an application token says about itself, without a connection; NULL
     * if it is opaque. */
    static std::unique_ptr<TokenClaims> token_inspect(const std::string &value, Error &error) {
        emnify_token_claims *raw = NULL;
        detail::call(error, emnify_token_inspect, value.data(), value.size(), &raw);
        const detail::Handle<emnify_token_claims, emnify_token_claims_free> claims(raw);
        if (!claims) {
            return std::unique_ptr<TokenClaims>();
        }
        return std::unique_ptr<TokenClaims>(
            new TokenClaims{emnify_token_claims_id(raw), emnify_token_claims_organisation_id(raw),
                            detail::time(emnify_token_claims_issued_at(raw)),
                            detail::time(emnify_token_claims_expires_at(raw)),
                            emnify_token_claims_is_auth_token(raw)});
    }

    /* Sets the label of an application token. */
    bool token_update(std::uint64_t id, const std::string &description, Error &error) const {
        if (detail::has_nul(description)) {
            error = Error::invalid_input("description: contains a NUL");
        } else {
            detail::call(error, emnify_token_update, get(), id, description.c_str());
        }
        return !error;
    }

    /* Permanently revokes an application token. */
    bool token_revoke(std::uint64_t id, Error &error) const {
        detail::call(error, emnify_token_revoke, get(), id);
        return !error;
    }

    /* Replaces the application token that this client signs in with. After an error, or after the
     * grace period, call it again with the same options. */
    Rotation token_rotate(const RotateOptions &options, Error &error) const {
        emnify_rotation *raw = NULL;
        if (options.grace.count() < 0) {
            error = Error::invalid_input("grace: is negative");
        } else if (!has_nul(options, error)) {
            detail::Rotating functions{options.hand_over, options.read_back};
            emnify_rotate_options c_options = EMNIFY_ROTATE_OPTIONS_INIT;
            lend(options, c_options);
            c_options.id = options.id;
            c_options.grace_s = static_cast<std::uint64_t>(options.grace.count());
            c_options.hand_over =
                functions.hand_over ? detail::EMNIFY_HPP_IN_C(hand_over) : NULL;
            c_options.read_back =
                functions.read_back ? detail::EMNIFY_HPP_IN_C(read_back) : NULL;
            c_options.user = &functions;
            c_options.keep_old = options.keep_old ? 1 : 0;
            detail::call(error, emnify_token_rotate, get(), &c_options, &raw);
        }
        const detail::Handle<emnify_rotation, emnify_rotation_free> rotation(raw);
        return Rotation{emnify_rotation_state(raw), emnify_rotation_old_id(raw),
                        emnify_rotation_new_id(raw),
                        std::chrono::milliseconds(emnify_rotation_grace_left_ms(raw)),
                        emnify_rotation_is_adopted(raw), emnify_rotation_is_old_kept(raw),
                        detail::text(emnify_rotation_ignored_options(raw))};
    }

#ifndef EMNIFY_NO_EXCEPTIONS
    AuthToken authenticate() const {
        return detail::or_raise([&](Error &error) { return authenticate(error); });
    }

    AuthToken authenticate_within(std::chrono::milliseconds timeout) const {
        return detail::or_raise([&](Error &error) { return authenticate_within(timeout, error); });
    }

    AuthToken authenticate_for(std::chrono::milliseconds valid_for) const {
        return detail::or_raise([&](Error &error) { return authenticate_for(valid_for, error); });
    }

    std::string authorization_header() const {
        return detail::or_raise([&](Error &error) { return authorization_header(error); });
    }

    std::string try_authorization_header() const {
        return detail::or_raise([&](Error &error) { return try_authorization_header(error); });
    }

    int fd() const {
        return detail::or_raise([&](Error &error) { return fd(error); });
    }

    void process() const {
        detail::or_raise([&](Error &error) { return process(error); });
    }

    Status status() const {
        return detail::or_raise([&](Error &error) { return status(error); });
    }

    std::vector<Check> check(bool rights = false) const {
        return detail::or_raise([&](Error &error) { return check(rights, error); });
    }

    std::string metrics() const {
        return detail::or_raise([&](Error &error) { return metrics(error); });
    }

    EMNIFY_NODISCARD Client switch_workspace(std::uint64_t id) const {
        return detail::or_raise([&](Error &error) { return switch_workspace(id, error); });
    }

    Response request(const std::string &method, const std::string &path,
                     const RequestOptions &options = RequestOptions()) const {
        return detail::or_raise(
            [&](Error &error) { return request(method, path, options, error); });
    }

    EMNIFY_NODISCARD Pages paginate(const std::string &path, std::uint64_t per_page = 0) const {
        return detail::or_raise([&](Error &error) { return paginate(path, per_page, error); });
    }

    EMNIFY_NODISCARD CreatedToken token_create(const TokenOptions &options = TokenOptions()) const {
        return detail::or_raise([&](Error &error) { return token_create(options, error); });
    }

    std::vector<Token> token_list(const ListOptions &options = ListOptions()) const {
        return detail::or_raise([&](Error &error) { return token_list(options, error); });
    }

    std::unique_ptr<Token> token_own() const {
        return detail::or_raise([&](Error &error) { return token_own(error); });
    }

    std::vector<Failure> token_failures(std::chrono::seconds since) const {
        return detail::or_raise([&](Error &error) { return token_failures(since, error); });
    }

    std::unique_ptr<Token> token_identify(const std::string &value) const {
        return detail::or_raise([&](Error &error) { return token_identify(value, error); });
    }

    static std::unique_ptr<TokenClaims> token_inspect(const std::string &value) {
        return detail::or_raise([&](Error &error) { return token_inspect(value, error); });
    }

    void token_update(std::uint64_t id, const std::string &description) const {
        detail::or_raise([&](Error &error) { return token_update(id, description, error); });
    }

    void token_revoke(std::uint64_t id) const {
        detail::or_raise([&](Error &error) { return token_revoke(id, error); });
    }

    Rotation token_rotate(const RotateOptions &options = RotateOptions()) const {
        return detail::or_raise([&](Error &error) { return token_rotate(options, error); });
    }
#endif

    const emnify_client *get() const noexcept { return client_.get(); }

private:
    void make(const Config &config, Error &error) {
        if (config.error()) {
            error = config.error();
        } else if (!config) {
            /* Not passed on, because NULL would select the settings from the environment. */
            error = Error::invalid_input("config: was moved from");
        } else {
            make(config.get(), error);
        }
    }

    void make(const emnify_config *config, Error &error) {
        emnify_client *client = NULL;
        detail::call(error, emnify_client_new, config, &client);
        client_.reset(client);
    }

    explicit Client(emnify_client *client) noexcept : client_(client) {}

    std::string text(int32_t (*get_text)(const emnify_client *, char *, std::size_t, std::size_t *,
                                         emnify_error **),
                     std::size_t length, Error &error) const {
        std::string text;
        /* Tries again with a larger buffer if the text is longer than expected. */
        do {
            text.assign(length + 1, '\0');
            length = 0;
            detail::call(error, get_text, get(), &text[0], text.size(), &length);
        } while (length >= text.size());
        text.resize(error ? 0 : length);
        return text;
    }

    /* Whether a text of the options contains a NUL; sets `error` if so. */
    template <typename Options>
    static bool has_nul(const Options &options, Error &error) {
        if (detail::has_nul(options.description)) {
            error = Error::invalid_input("description: contains a NUL");
        } else if (detail::has_nul(options.expiry_date)) {
            error = Error::invalid_input("expiry_date: contains a NUL");
        } else if (detail::has_nul(options.ip)) {
            error = Error::invalid_input("ip: contains a NUL");
        } else {
            return false;
        }
        return true;
    }

    /* Sets the members that all options of a new application token have. They are borrowed. */
    template <typename Options, typename COptions>
    static void lend(const Options &options, COptions &c_options) {
        c_options.description = detail::or_null(options.description);
        c_options.expiry_date = detail::or_null(options.expiry_date);
        c_options.expires_in_s = static_cast<std::uint64_t>(options.expires_in.count());
        c_options.ip = detail::or_null(options.ip);
    }

    static Token row(const emnify_token *token) {
        return Token{emnify_token_id(token),
                     detail::text(emnify_token_description(token)),
                     emnify_token_status(token),
                     detail::time(emnify_token_created_at(token)),
                     detail::text(emnify_token_expiry_date(token)),
                     detail::text(emnify_token_ip(token)),
                     detail::text(emnify_token_creator(token)),
                     emnify_token_findings(token)};
    }

    static Failure row(const emnify_failure *failure) {
        Failure found = {detail::time(emnify_failure_time(failure)),
                         detail::text(emnify_failure_description(failure)),
                         detail::text(emnify_failure_token_name(failure)),
                         std::vector<std::uint64_t>(),
                         emnify_failure_successor_id(failure),
                         detail::text(emnify_failure_reason(failure)),
                         detail::text(emnify_failure_address(failure))};
        for (std::size_t i = 0; i < emnify_failure_token_count(failure); ++i) {
            found.token_ids.push_back(emnify_failure_token_id(failure, i));
        }
        return found;
    }

    detail::Handle<emnify_client, emnify_client_free> client_;
};

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_CLIENT_HPP */
