// Errors through emnify.hpp. Built twice: with exceptions, where both forms of each call must
// report the same error, and without, where errors are only values.

#include "emnify.hpp"
#include "support.h"

#if defined(EXPECT_NO_EXCEPTIONS) && !defined(EMNIFY_NO_EXCEPTIONS)
#error "emnify.hpp did not notice that there are no exceptions"
#endif

namespace {

emnify::Config sandbox() {
    emnify::Config config;
    config.set_application_token(sandbox_variable("EMNIFY_APPLICATION_TOKEN"))
        .set_base_url(sandbox_variable("EMNIFY_BASE_PATH"))
        .set_ca_bundle(sandbox_variable("SSL_CERT_FILE"));
    return config;
}

void expect(const emnify::Error &error, std::int32_t code, const std::string &start) {
    check_no_secret(error.what());
    CHECK_NUMBER(error.code(), code);
    if (std::string(error.what()).compare(0, start.size(), start) != 0) {
        CHECK_TEXT(error.what(), start.c_str());
    }
}

// Creates a client in both forms. Both must be refused with a message that names the argument.
void refused(const emnify::Config &config, const std::string &name) {
    emnify::Error error;
    emnify::Client client(config, error);
    CHECK(!client);
    expect(error, EMNIFY_ERR_INVALID_INPUT, name + ": ");
#ifndef EMNIFY_NO_EXCEPTIONS
    try {
        emnify::Client thrown(config);
        CHECK(!"thrown");
    } catch (const emnify::Error &caught) {
        CHECK_TEXT(caught.what(), error.what());
    }
#endif
}

void configurations_are_refused() {
    for (const std::string &token :
         {std::string(), std::string("canary\n"), std::string("can\0ary", 7),
          std::string("can\xc3\xa4ry"), std::string("canary\xff")}) {
        refused(emnify::Config().set_application_token(token), "application_token");
    }
    refused(sandbox().set_base_url("http://cdn.emnify.net"), "base_url");
    refused(sandbox().set_base_url(std::string("https://x.example\0", 18)), "base_url");
    refused(sandbox().set_base_url("\xff"), "base_url");
    refused(sandbox().set_ca_bundle("/nonexistent/ca.pem"), "ca_bundle");
    refused(sandbox().set_ca_bundle(sandbox_variable("NO_PEM_FILE")), "ca_bundle");
    refused(sandbox().set_proxy("canary"), "proxy");
    refused(sandbox().set_application_token_file("/dev/null"), "application_token");
    refused(sandbox().set_store(std::string("/tmp\0", 5)), "store");
    refused(sandbox().set_store("\xff"), "store");
    refused(sandbox().set_user("user", "canary"), "application_token");
    refused(sandbox().set_user(std::string("us\0er", 5), "canary"), "username");
    refused(emnify::Config().set_user("user", ""), "password");
    refused(emnify::Config().set_user("user", "canary\xff"), "password");
    refused(emnify::Config().set_user("user", "canary").set_trusted_device("canary", "hall"),
            "trusted_device");
    refused(sandbox().set_trusted_device("canary88", std::string("ha\0ll", 5)), "name");
    refused(sandbox().set_ca_pem("canary"), "ca_bundle");
    refused(sandbox().set_interface(std::string("lo\0", 3)), "interface");
    refused(sandbox().set_local_address("localhost"), "local_address");
    refused(sandbox().set_mfa(nullptr), "mfa");
    refused(sandbox().set_observer(emnify::Observer()), "observer");
    refused(sandbox().set_timeout(std::chrono::milliseconds(0)), "timeout");
    refused(sandbox().set_timeout(std::chrono::milliseconds(-1)), "timeout");
    refused(sandbox().set_connect_timeout(std::chrono::milliseconds(0)), "connect_timeout");
    // The first mistake counts, even if a correct value follows.
    refused(sandbox().set_base_url("\xff").set_base_url("https://x.example"), "base_url");
}

void refuse_option(const emnify::Client &client, const emnify::TokenOptions &options,
                   const std::string &name) {
    emnify::Error error;
    CHECK(!client.token_create(options, error));
    expect(error, EMNIFY_ERR_INVALID_INPUT, name + ": ");
}

void options_are_refused() {
    emnify::Error error;
    const emnify::Client client(sandbox(), error);
    const std::string megabyte(1024 * 1024, 'x');

    for (const std::string &text : {megabyte, std::string("a\0b", 3), std::string("\xff")}) {
        emnify::TokenOptions options;
        options.description = text;
        refuse_option(client, options, "description");
        CHECK(!client.token_update(4711, text, error));
        expect(error, EMNIFY_ERR_INVALID_INPUT, "description: ");
    }
    for (const std::string &text :
         {std::string("2001-01-01"), std::string("tomorrow"), std::string("2999-01-01\0", 11)}) {
        emnify::TokenOptions options;
        options.expiry_date = text;
        refuse_option(client, options, "expiry_date");
    }
    for (const std::string &text :
         {std::string("300.1.2.3/99"), std::string("192.0.2.7\0", 10), std::string("\xff")}) {
        emnify::TokenOptions options;
        options.ip = text;
        refuse_option(client, options, "ip");
    }
    CHECK_NUMBER(sandbox_calls("", ""), 0);
}

void refuse_request(const emnify::Client &client, const std::string &method,
                    const std::string &path, const emnify::RequestOptions &options,
                    const std::string &name) {
    emnify::Error error;
    const emnify::Response response = client.request(method, path, options, error);
    CHECK(!response && response.status() == 0 && response.body().empty());
    CHECK(response.data() == NULL && response.size() == 0);
    expect(error, EMNIFY_ERR_INVALID_INPUT, name + ": ");
}

void requests_are_refused() {
    emnify::Error error;
    const emnify::Client client(sandbox(), error);
    const std::string with_nul("/a\0b", 4);
    emnify::RequestOptions options;
    refuse_request(client, "BREW", "/api/v1/sim", options, "method");
    refuse_request(client, with_nul, "/api/v1/sim", options, "method");
    refuse_request(client, "GET", with_nul, options, "path");
    refuse_request(client, "GET", "//evil.example/", options, "path");
    refuse_request(client, "GET", "https://evil.example/", options, "path");
    options.query = {{"q", with_nul}};
    refuse_request(client, "GET", "/api/v1/sim", options, "query");
    options.query.clear();
    options.headers = {{with_nul, "x"}};
    refuse_request(client, "GET", "/api/v1/sim", options, "headers");
    options.headers = {{"Authorization", "Bearer canary"}};
    refuse_request(client, "GET", "/api/v1/sim", options, "headers");
    options.headers = {{"X-Fine", "canary\r\nX-Other: x"}};
    refuse_request(client, "GET", "/api/v1/sim", options, "headers");

    CHECK(!client.paginate(with_nul, 0, error));
    expect(error, EMNIFY_ERR_INVALID_INPUT, "path: ");
    std::string row = "row";
    emnify::Pages pages = client.paginate("//evil.example/", 0, error);
    CHECK(pages && !error && !pages.next(row, error) && row == "row");
    expect(error, EMNIFY_ERR_INVALID_INPUT, "path: ");
    CHECK(!pages.next(row, error) && !error);
    CHECK(!emnify::Pages().next(row, error));
    expect(error, EMNIFY_ERR_INVALID_INPUT, "pages: ");
    CHECK_NUMBER(sandbox_calls("", ""), 0);
}

void lists_and_rotations_are_refused() {
    emnify::Error error;
    const emnify::Client client(sandbox(), error);
    emnify::ListOptions list;
    list.expires_within = std::chrono::seconds(-1);
    CHECK(client.token_list(list, error).empty());
    expect(error, EMNIFY_ERR_INVALID_INPUT, "expires_within: ");
    list = emnify::ListOptions();
    list.older_than = std::chrono::seconds(-1);
    CHECK(client.token_list(list, error).empty());
    expect(error, EMNIFY_ERR_INVALID_INPUT, "older_than: ");

    emnify::RotateOptions options;
    options.grace = std::chrono::seconds(-1);
    const emnify::Rotation rotation = client.token_rotate(options, error);
    expect(error, EMNIFY_ERR_INVALID_INPUT, "grace: ");
    CHECK_NUMBER(rotation.state, EMNIFY_ROTATION_NONE);
    CHECK(rotation.new_id == 0 && rotation.grace_left.count() == -1 && !rotation.is_adopted);
    options = emnify::RotateOptions();
    options.description = std::string("a\0b", 3);
    client.token_rotate(options, error);
    expect(error, EMNIFY_ERR_INVALID_INPUT, "description: ");
    options = emnify::RotateOptions();
    options.ip = std::string("::1\0", 4);
    client.token_rotate(options, error);
    expect(error, EMNIFY_ERR_INVALID_INPUT, "ip: ");
    CHECK_NUMBER(sandbox_calls("", ""), 0);
}

void an_error_has_the_messages_of_the_server() {
    emnify::Error error;
    const emnify::Client client(sandbox(), error);

    sandbox_fault("{\"path\": \"/api/v1/application_token*\", \"times\": 1, \"kind\": \"status\","
                  " \"status\": 422, \"headers\": {\"Retry-After\": \"2\"}, \"body\":"
                  " \"{\\\"error_code\\\":1400,\\\"error_token\\\":\\\"InputValidationFailed\\\","
                  "\\\"message\\\":\\\"Bad\\\",\\\"errors\\\":[{\\\"error_code\\\":1402,"
                  "\\\"error_token\\\":\\\"Required\\\",\\\"message\\\":\\\"name\\\"}]}\"}");
    CHECK(client.token_list(emnify::ListOptions(), error).empty());
    expect(error, EMNIFY_ERR_VALIDATION, "cannot list");
    CHECK_NUMBER(error.http_status(), 422);
    CHECK_NUMBER(error.retry_after().count(), 2000);
    CHECK(!error.is_retryable());
    CHECK_NUMBER(error.api_code(), 1400);
    CHECK(error.api_name() == "InputValidationFailed" && error.api_message() == "Bad");
    CHECK_NUMBER(error.nested().size(), 1);
    CHECK_NUMBER(error.nested().at(0).code, 1402);
    CHECK(error.nested().at(0).name == "Required" && error.nested().at(0).message == "name");

    CHECK(!emnify::Error::copy_of(NULL));

    // A copy equals its original, and a call that succeeds clears the error that it is given.
    const emnify::Error copy = error;
    CHECK(client.token_update(4711, "renamed", error));
    CHECK(!error && copy);
    CHECK_NUMBER(error.retry_after().count(), -1);
    CHECK_TEXT(error.what(), "no error");
    CHECK_NUMBER(copy.api_code(), 1400);
    CHECK(!client.token_revoke(999999, error));
    expect(error, EMNIFY_ERR_NOT_FOUND, "cannot revoke");
}

void an_error_has_the_reason_of_the_failure() {
    emnify::Error error;
    emnify::Config config = sandbox();
    config.set_ca_bundle(sandbox_variable("OTHER_CA_FILE"));
    const emnify::Client client(config, error);

    client.authenticate(error);
    CHECK_NUMBER(error.reason(), EMNIFY_REASON_CERTIFICATE_UNTRUSTED);
    expect(error, EMNIFY_ERR_TLS, "cannot sign in: the certificate of ");
}

void secrets_that_a_server_quotes_are_removed() {
    emnify::Error error;
    const emnify::Client client(sandbox(), error);

    sandbox_fault("{\"path\": \"/api/v1/application_token*\", \"kind\": \"echo_secrets\"}");
    CHECK(client.token_list(emnify::ListOptions(), error).empty());
    expect(error, EMNIFY_ERR_VALIDATION, "cannot list");
    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"echo_secrets\"}");
    CHECK(!emnify::Client(sandbox(), error).authenticate(error));
    expect(error, EMNIFY_ERR_VALIDATION, "cannot sign in");
    CHECK(emnify::Client(sandbox(), error).authorization_header(error).empty());
    expect(error, EMNIFY_ERR_VALIDATION, "cannot sign in");
}

void a_status_has_the_last_error() {
    emnify::Error error, last, told;
    emnify::Status status;
    std::chrono::milliseconds wait(0);
    CHECK(!status && !status.signed_in() && !status.last_error());
    {
        const emnify::Client client(
            sandbox().set_application_token("canary").set_observer([&](const emnify::Event &event) {
                CHECK_NUMBER(event.kind(), EMNIFY_EVENT_REFUSED);
                check_no_secret(event.message());
                told = event.error();
                wait = event.next_attempt();
            }),
            error);
        CHECK(!client.authenticate(error));
        status = client.status(error);
        CHECK(!error && status);
        last = status.last_error();
    }
    // The status and its error outlive the client.
    CHECK(!status.signed_in() && status.valid_until() == emnify::Time());
    CHECK(status.next_attempt() > std::chrono::seconds(1));
    CHECK(wait >= status.next_attempt());
    CHECK_NUMBER(status.calls_made(), 1);
    status = emnify::Status();
    expect(last, EMNIFY_ERR_REJECTED, "cannot sign in");
    expect(told, EMNIFY_ERR_REJECTED, "cannot sign in");
    CHECK(!emnify::Client(emnify::Config().set_proxy("canary"), error).status(error));
    expect(error, EMNIFY_ERR_INVALID_INPUT, "client: ");
}

void a_code_that_is_not_supplied_is_an_error() {
    emnify::Error error;
    emnify::Config config;
    config.set_user("mfa@example.com", "password")
        .set_mfa([] { return std::string(); })
        .set_base_url(sandbox_variable("EMNIFY_BASE_PATH"))
        .set_ca_bundle(sandbox_variable("SSL_CERT_FILE"));
    CHECK(!emnify::Client(config, error).authenticate(error));
    expect(error, EMNIFY_ERR_MFA_REQUIRED, "cannot sign in");
    config.set_mfa([] { return std::string(1000, '1'); });
    CHECK(!emnify::Client(config, error).authenticate(error));
    expect(error, EMNIFY_ERR_MFA_REQUIRED, "cannot sign in");
}

#ifndef EMNIFY_NO_EXCEPTIONS
template <typename Call>
void throws(Call call, std::int32_t code) {
    try {
        call();
        CHECK(!"thrown");
    } catch (const std::exception &error) {
        expect(dynamic_cast<const emnify::Error &>(error), code, "");
    }
}

void each_call_throws() {
    emnify::Client client{sandbox().set_retries(0)};
    throws([&] { client.token_update(999999, "x"); }, EMNIFY_ERR_NOT_FOUND);
    throws([&] { client.token_revoke(999999); }, EMNIFY_ERR_NOT_FOUND);
    sandbox_fault("{\"kind\": \"refuse\"}");
    throws([&] { client.token_list(); }, EMNIFY_ERR_NETWORK);
    throws([&] { return client.token_create(); }, EMNIFY_ERR_NETWORK);
    throws([&] { client.token_own(); }, EMNIFY_ERR_NETWORK);
    throws([&] { client.request("GET", "/api/v1/sim"); }, EMNIFY_ERR_NETWORK);
    throws([&] { client.paginate("/api/v1/sim").begin(); }, EMNIFY_ERR_NETWORK);
    throws([&] { client.token_rotate(); }, EMNIFY_ERR_INVALID_INPUT);
    // A sign-in is retried within the timeout.
    const auto moment = std::chrono::milliseconds(1000 * static_cast<int>(check_slowness()));
    const auto hasty = [&] { return emnify::Client(sandbox().set_timeout(moment)); };
    throws([&] { hasty().authenticate(); }, EMNIFY_ERR_NETWORK);
    throws([&] { hasty().authorization_header(); }, EMNIFY_ERR_NETWORK);
    throws([&] { return hasty().switch_workspace(5678); }, EMNIFY_ERR_NETWORK);
    sandbox_clear_faults();
    client.token_list();
    emnify::Client moved = std::move(client);
    throws([&] { client.status(); }, EMNIFY_ERR_INVALID_INPUT);
    throws([&] { return client.paginate("/api/v1/sim"); }, EMNIFY_ERR_INVALID_INPUT);
}

void an_exception_of_a_users_function_is_caught() {
    const emnify::Client client(sandbox().set_observer([](const emnify::Event &) { throw 7; }));
    CHECK(client.authenticate());
    emnify::Config config;
    config.set_user("mfa@example.com", "password")
        .set_mfa([]() -> std::string { throw 7; })
        .set_base_url(sandbox_variable("EMNIFY_BASE_PATH"))
        .set_ca_bundle(sandbox_variable("SSL_CERT_FILE"));
    const emnify::Client person(config);
    throws([&] { person.authenticate(); }, EMNIFY_ERR_MFA_REQUIRED);
}
#endif

} // namespace

int main() {
    RUN(configurations_are_refused);
    RUN(options_are_refused);
    RUN(requests_are_refused);
    RUN(lists_and_rotations_are_refused);
    RUN(an_error_has_the_messages_of_the_server);
    RUN(an_error_has_the_reason_of_the_failure);
    RUN(secrets_that_a_server_quotes_are_removed);
    RUN(a_status_has_the_last_error);
    RUN(a_code_that_is_not_supplied_is_an_error);
#ifndef EMNIFY_NO_EXCEPTIONS
    RUN(each_call_throws);
    RUN(an_exception_of_a_users_function_is_caught);
#endif
    return check_report();
}
