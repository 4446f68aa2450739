// Calls that succeed, through emnify.hpp with exceptions: each call once, and that handles can be
// moved and free themselves.

#include <poll.h>

#include <thread>
#include <type_traits>
#include <utility>

#include "emnify.hpp"
#include "support.h"

namespace {

static_assert(!std::is_copy_constructible<emnify::Client>::value, "a client is one handle");
static_assert(!std::is_copy_assignable<emnify::Config>::value, "a configuration is one handle");
static_assert(!std::is_copy_constructible<emnify::AuthToken>::value, "secrets are not copied");
static_assert(!std::is_copy_constructible<emnify::CreatedToken>::value, "secrets are not copied");
static_assert(!std::is_copy_constructible<emnify::Status>::value, "a status is one handle");
static_assert(std::is_nothrow_move_constructible<emnify::Client>::value, "handles move");
static_assert(std::is_nothrow_move_assignable<emnify::AuthToken>::value, "handles move");
static_assert(std::is_nothrow_copy_constructible<emnify::Error>::value, "exceptions are copied");
static_assert(std::is_base_of<std::exception, emnify::Error>::value, "errors are exceptions");

emnify::Config sandbox() {
    emnify::Config config;
    config.set_application_token(sandbox_variable("EMNIFY_APPLICATION_TOKEN"))
        .set_base_url(sandbox_variable("EMNIFY_BASE_PATH"))
        .set_ca_bundle(sandbox_variable("SSL_CERT_FILE"))
        .set_timeout(std::chrono::seconds(60))
        .set_connect_timeout(std::chrono::hours(24 * 365));
    return config;
}

void signs_in() {
    const emnify::Client client(sandbox());
    const emnify::AuthToken first = client.authenticate_for(std::chrono::hours(3));
    emnify::Error error;
    const emnify::AuthToken second = client.authenticate_for(std::chrono::hours(3), error);

    CHECK(!error);
    CHECK_TEXT(first.reveal(), second.reveal());
    CHECK_NUMBER(first.organisation_id(), 1234);
    CHECK(first.expires_at() > std::chrono::system_clock::now() + std::chrono::minutes(239));
    CHECK(client.authorization_header() == std::string("Bearer ") + first.reveal());
    CHECK(client.authorization_header(error) == std::string("Bearer ") + first.reveal());
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    client.invalidate(first);
    CHECK(client.authenticate());
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
}

// Waits until the client's descriptor is readable.
bool is_readable(const emnify::Client &client) {
    pollfd watched = {client.fd(), POLLIN, 0};
    return poll(&watched, 1, static_cast<int>(20000 * check_slowness())) == 1;
}

void an_event_loop_never_waits() {
    int events = 0;
    const emnify::Client client(
        sandbox().set_observer([&events](const emnify::Event &) { ++events; }));
    emnify::Error error;

    CHECK(client.fd() > 2);
    while (client.try_authorization_header(error).empty() &&
           error.code() == EMNIFY_ERR_PENDING && is_readable(client)) {
        error = emnify::Error();
        client.process();
    }
    CHECK(!error);
    // The event follows the token.
    while (events == 0 && is_readable(client)) {
        client.process();
    }
    CHECK_NUMBER(events, 1);
    CHECK(client.process(error));
    const emnify::AuthToken token = client.authenticate_within(std::chrono::seconds(20));
    CHECK(client.try_authorization_header() == std::string("Bearer ") + token.reveal());
    CHECK(token.valid_for() > std::chrono::minutes(239));
    client.authenticate_within(std::chrono::milliseconds(-1), error);
    CHECK_NUMBER(error.code(), EMNIFY_ERR_INVALID_INPUT);
}

void the_environment_alone_is_enough() {
    CHECK(emnify::Client().authenticate());
    emnify::Error error;
    CHECK(emnify::Client(error).authenticate(error));
    CHECK(!error);
}

void a_header_of_any_length_fits() {
    const emnify::Client client(sandbox());
    const std::string body(3000, 'x');
    const std::string fault = "{\"path\": \"/api/v1/authenticate\", \"kind\": \"status\","
                              " \"status\": 200, \"body\": \"{\\\"auth_token\\\":\\\"" +
                              body + "\\\"}\"}";
    sandbox_fault(fault.c_str());
    CHECK(client.authorization_header() == "Bearer " + body);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
}

void a_token_can_be_reported_as_text() {
    const emnify::Client client(sandbox());
    const std::string first = client.authorization_header();
    client.invalidate_text(first);
    const std::string second = client.authorization_header();
    CHECK(first != second);
    client.invalidate_text(first);
    CHECK(client.authorization_header() == second);
}

void the_observer_lives_as_long_as_the_client() {
    std::vector<std::int32_t> kinds;
    const std::thread::id thread = std::this_thread::get_id();
    emnify::Client client{sandbox()};
    {
        emnify::Config config = sandbox();
        config.set_observer([&kinds, thread](const emnify::Event &event) {
            CHECK(std::this_thread::get_id() == thread);
            CHECK(event.expires_at() > std::chrono::system_clock::now());
            CHECK(!event.error() && event.next_attempt().count() == -1);
            kinds.push_back(event.kind());
        });
        client = emnify::Client(config);
        // A client that was created earlier keeps its observer.
        config.set_observer([](const emnify::Event &) { CHECK(!"told"); });
    }
    const emnify::Client moved = std::move(client);
    client = emnify::Client();
    client.authenticate();
    moved.authenticate();
    CHECK(kinds == std::vector<std::int32_t>{EMNIFY_EVENT_AUTHENTICATED});
    const emnify::Status status = moved.status();
    CHECK(status.signed_in() && !status.last_error());
    CHECK(status.valid_until() > std::chrono::system_clock::now());
    CHECK(status.last_change() > emnify::Time() && status.next_attempt().count() == -1);
    CHECK_NUMBER(status.calls_made(), 1);
    CHECK(moved.metrics().find("\nemnify_signed_in 1\n") != std::string::npos);
}

void a_person_signs_in_with_a_code() {
    int asked = 0;
    emnify::Config config;
    config.set_user("mfa@example.com", "password")
        .set_trusted_device("canary-device-7", "hall 7")
        .set_mfa([&asked] {
            char code[32];
            sandbox_one_time_code(code, sizeof code);
            ++asked;
            return code + std::string("\n");
        })
        .set_base_url(sandbox_variable("EMNIFY_BASE_PATH"))
        .set_ca_bundle(sandbox_variable("SSL_CERT_FILE"));
    CHECK(emnify::Client(config).authenticate());
    CHECK(emnify::Client(config).authenticate());
    CHECK_NUMBER(asked, 1);
}

void a_warm_store_saves_the_sign_in() {
    char path[] = "/tmp/emnify-store-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    const emnify::AuthToken first =
        emnify::Client(sandbox().set_store(path)).authenticate();
    const emnify::AuthToken second =
        emnify::Client(sandbox().set_store(path)).authenticate();
    CHECK_TEXT(first.reveal(), second.reveal());
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    remove_folder(path);
}

void an_application_token_is_created_listed_and_revoked() {
    const emnify::Client client(sandbox());
    emnify::TokenOptions options;
    options.description = "gateway 7, hall \xc3\xa4";
    options.expiry_date = "2999-05-29T00:00:00Z";
    options.ip = "127.0.0.0/8";
    const emnify::CreatedToken created = client.token_create(options);
    CHECK(created && created.id() != 0 && std::string(created.reveal()).size() > 10);
    client.token_update(created.id(), "gateway 8");
    client.token_revoke(created.id());

    const std::vector<emnify::Token> tokens = client.token_list();
    CHECK_NUMBER(tokens.size(), 2);
    const emnify::Token &row = tokens.back();
    CHECK_NUMBER(row.id, created.id());
    CHECK(row.description == "gateway 8");
    CHECK_NUMBER(row.status, EMNIFY_TOKEN_REVOKED);
    CHECK(row.ip == "127.0.0.0/8" && row.creator == "Ford Prefect");
    CHECK(row.expiry_date == "2999-05-29T00:00:00.000Z");
    CHECK(tokens.front().expiry_date.empty());
    CHECK(client.token_create());
}

void all_checks_pass() {
    const emnify::Client client(sandbox());
    emnify::Error error;

    for (const emnify::Check &check : client.check(true, error)) {
        CHECK(check.verdict <= EMNIFY_CHECK_OK && !check.tried.empty() && check.advice.empty());
    }
    CHECK(!error);
    CHECK_NUMBER(client.check().size(), 10);
}

void handles_can_be_moved() {
    emnify::Config config = sandbox();
    emnify::Config taken = std::move(config);
    emnify::Client client(taken);
    emnify::Client other = std::move(client);
    emnify::Error error;

    CHECK(!client && other);
    CHECK(!client.authenticate(error));
    CHECK_NUMBER(error.code(), EMNIFY_ERR_INVALID_INPUT);
    emnify::AuthToken token = other.authenticate(error);
    CHECK(token && !error);
    emnify::AuthToken moved;
    CHECK(!moved && moved.reveal() == NULL);
    moved = std::move(token);
    CHECK(!token && moved);

    // A configuration that was moved from must not fall back to the environment.
    CHECK(!emnify::Client(config, error));
    CHECK_NUMBER(error.code(), EMNIFY_ERR_INVALID_INPUT);
    CHECK(std::string(error.what()).find("config: ") == 0);
}

void a_time_beyond_the_range_of_the_clock_is_its_last() {
    CHECK(emnify::detail::time(INT64_MAX) > std::chrono::system_clock::now());
    CHECK(emnify::detail::time(0) == emnify::Time());
}

} // namespace

int main() {
    RUN(signs_in);
    RUN(an_event_loop_never_waits);
    RUN(the_environment_alone_is_enough);
    RUN(a_header_of_any_length_fits);
    RUN(a_token_can_be_reported_as_text);
    RUN(the_observer_lives_as_long_as_the_client);
    RUN(a_person_signs_in_with_a_code);
    RUN(a_warm_store_saves_the_sign_in);
    RUN(an_application_token_is_created_listed_and_revoked);
    RUN(all_checks_pass);
    RUN(handles_can_be_moved);
    RUN(a_time_beyond_the_range_of_the_clock_is_its_last);
    return check_report();
}
