// Any other call, collections row by row, other workspaces and findings, through emnify.hpp with
// exceptions.

#include <chrono>
#include <set>
#include <thread>
#include <type_traits>

#include "emnify.hpp"
#include "support.h"

namespace {

static_assert(!std::is_copy_constructible<emnify::Response>::value, "a response is one handle");
static_assert(!std::is_copy_constructible<emnify::Pages>::value, "pages are one handle");
static_assert(std::is_nothrow_move_constructible<emnify::Response>::value, "handles move");
static_assert(std::is_move_constructible<emnify::Pages>::value, "handles move");
static_assert(std::is_same<std::iterator_traits<emnify::Pages::iterator>::iterator_category,
                           std::input_iterator_tag>::value,
              "there is one pass");

emnify::Config sandbox() {
    emnify::Config config;
    config.set_application_token(sandbox_variable("EMNIFY_APPLICATION_TOKEN"))
        .set_base_url(sandbox_variable("EMNIFY_BASE_PATH"))
        .set_ca_bundle(sandbox_variable("SSL_CERT_FILE"))
        .set_fleet_size(3)
        .set_pacing(false);
    return config;
}

emnify::Config person() {
    emnify::Config config;
    config.set_user("user@example.com", "password")
        .set_base_url(sandbox_variable("EMNIFY_BASE_PATH"))
        .set_ca_bundle(sandbox_variable("SSL_CERT_FILE"));
    return config;
}

// Returns the ICCID of a SIM.
std::string iccid_of(const std::string &row) {
    const std::string start = "\"iccid\":\"";
    const std::size_t at = row.find(start);
    CHECK(at != std::string::npos);
    return row.substr(at + start.size(), 19);
}

void a_resource_is_created_read_changed_and_removed() {
    const emnify::Client client(sandbox());
    emnify::RequestOptions options;
    options.body = "{\"name\":\"gateway\",\"status\":{\"id\":0},"
                   "\"service_profile\":{\"id\":1},\"tariff_profile\":{\"id\":2}}";
    const emnify::Response created = client.request("POST", "/api/v1/endpoint", options);
    CHECK_NUMBER(created.status(), 201);
    CHECK(created.body().empty() && created.data() != NULL);
    const std::string base_url = sandbox_variable("EMNIFY_BASE_PATH");
    CHECK(created.header("location").find(base_url + "/api/v1/endpoint/") == 0);
    const std::string path = created.header("location").substr(base_url.size());
    options.body = "{\"name\":\"renamed\"}";
    client.request("PATCH", path, options);
    const emnify::Response read = client.request("GET", path);
    CHECK(read.body().find("\"name\":\"renamed\"") != std::string::npos);
    CHECK_NUMBER(read.size(), read.body().size());
    CHECK_TEXT(read.data(), read.body().c_str());
    CHECK(read.header("X-Nothing").empty() && read.header(std::string("Da\0te", 5)).empty());
    client.request("DELETE", path);
    try {
        client.request("GET", path);
        CHECK(!"thrown");
    } catch (const emnify::Error &error) {
        CHECK_NUMBER(error.code(), EMNIFY_ERR_NOT_FOUND);
        CHECK_NUMBER(error.rotation_state(), EMNIFY_ROTATION_NONE);
        CHECK_NUMBER(error.reason(), EMNIFY_REASON_NONE);
    }
}

void a_query_and_headers_are_sent() {
    const emnify::Client client(sandbox());
    emnify::RequestOptions options;
    options.query = {{"page", "2"}, {"per_page", "5"}};
    options.headers = {{"Accept", "application/json"}};
    const emnify::Response response = client.request("GET", "/api/v1/sim", options);
    CHECK(response.header("X-Current-Page") == "2" && response.header("X-Count") == "5");

    sandbox_fault("{\"path\": \"/api/v1/sim\", \"kind\": \"delay\", \"times\": 1,"
                  " \"milliseconds\": 3000}");
    options.timeout = std::chrono::milliseconds(300);
    emnify::Error error;
    CHECK(!client.request("GET", "/api/v1/sim", options, error));
    CHECK_NUMBER(error.code(), EMNIFY_ERR_TIMEOUT);
    error = emnify::Error();
    options.timeout = std::chrono::milliseconds(-1);
    CHECK(!client.request("GET", "/api/v1/sim", options, error));
    CHECK_NUMBER(error.code(), EMNIFY_ERR_INVALID_INPUT);
}

void each_row_comes_once() {
    const emnify::Client client(sandbox());
    std::set<std::string> seen;
    std::size_t rows = 0;
    for (const std::string &row : client.paginate("/api/v1/sim", 20)) {
        if (rows++ == 30) {
            sandbox_fault("{\"path\": \"/api/v1/sim\", \"times\": 1, \"kind\": \"cut_body\"}");
            sandbox_request("POST", "/revoke_auth_tokens", "", NULL, 0);
        }
        seen.insert(iccid_of(row));
    }
    CHECK_NUMBER(rows, 300);
    CHECK_NUMBER(seen.size(), 300);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
}

void pages_outlive_their_client_and_keep_its_functions() {
    int told = 0;
    emnify::Pages pages;
    CHECK(!pages);
    {
        emnify::Config config = sandbox();
        config.set_observer([&told](const emnify::Event &event) {
            CHECK_TEXT(event.name(), "EMNIFY_EVENT_AUTHENTICATED");
            ++told;
        });
        pages = emnify::Client(config).paginate("/api/v1/endpoint");
    }
    std::string row;
    CHECK(pages && pages.next(row) && !row.empty());
    // Reads the remaining rows.
    CHECK_NUMBER(std::distance(pages.begin(), pages.end()), 249);
    CHECK(pages.begin() == pages.end());
    emnify::Error error;
    CHECK(!pages.next(row, error) && !error);
    CHECK_NUMBER(told, 1);
}

void a_failure_ends_the_rows() {
    const emnify::Client client(sandbox());
    emnify::Pages pages = client.paginate("/api/v1/nothing");
    try {
        pages.begin();
        CHECK(!"thrown");
    } catch (const emnify::Error &error) {
        CHECK_NUMBER(error.code(), EMNIFY_ERR_NOT_FOUND);
    }
    std::string row = "row";
    CHECK(!pages.next(row) && row == "row");
}

void a_user_works_in_another_workspace() {
    int told = 0;
    emnify::Config config = person();
    config.set_observer([&told](const emnify::Event &) { ++told; });
    emnify::Client first(config);
    const emnify::Client other = first.switch_workspace(5678);
    config = emnify::Config();
    CHECK_NUMBER(first.authenticate().organisation_id(), 1234);
    first = emnify::Client(person());
    // The observer exists as long as one of the clients.
    const int before = told;
    sandbox_request("POST", "/revoke_auth_tokens", "", NULL, 0);
    CHECK(other.request("GET", "/api/v1/endpoint").header("X-Total-Count") == "12");
    CHECK_NUMBER(other.authenticate().organisation_id(), 5678);
    CHECK(told > before);
}

void risks_of_application_tokens_are_found() {
    char value[1024];
    sandbox_seed_token("{\"description\": \"old\", \"expiry_date\": \"2999-01-01\","
                       " \"created\": \"2020-01-02T03:04:05.000+0000\"}",
                       value, sizeof value);
    const emnify::Client client(sandbox());
    const std::vector<emnify::Token> list = client.token_list();
    CHECK_NUMBER(list.size(), 2);
    CHECK(list.at(0).has(EMNIFY_FINDING_OWN) && !list.at(0).has(EMNIFY_FINDING_OLD));
    CHECK(list.at(1).description == "old");
    CHECK_NUMBER(list.at(1).findings,
                 EMNIFY_FINDING_OLD | EMNIFY_FINDING_NO_ADDRESS_RESTRICTION);

    emnify::ListOptions options;
    options.expires_within = std::chrono::hours(24 * 366 * 1000);
    options.older_than = std::chrono::hours(24 * 366 * 100);
    CHECK_NUMBER(client.token_list(options).at(1).findings,
                 EMNIFY_FINDING_EXPIRES_SOON | EMNIFY_FINDING_NO_ADDRESS_RESTRICTION);
}

void refused_sign_ins_are_listed() {
    char value[1024];
    sandbox_seed_token("{\"description\": \"gateway 7\", \"status\": 1}", value, sizeof value);
    emnify::Config config = sandbox();
    config.set_application_token(value);
    emnify::Error error;
    emnify::Client(config).authenticate(error);
    CHECK_NUMBER(error.code(), EMNIFY_ERR_REJECTED);

    const emnify::Client client(sandbox());
    const std::vector<emnify::Failure> failures = client.token_failures(std::chrono::hours(24));
    CHECK_NUMBER(failures.size(), 1);
    CHECK(failures.at(0).token_ids == std::vector<std::uint64_t>(1, 4712));
    CHECK(failures.at(0).reason == "TokenStatus Revoked" && failures.at(0).address == "127.0.0.1");
    emnify::ListOptions options;
    options.refused_within = std::chrono::hours(24);
    CHECK(client.token_list(options).at(1).has(EMNIFY_FINDING_REFUSED_LATELY));
    CHECK(client.token_failures(std::chrono::seconds(-1), error).empty() && error);
}

void a_found_value_is_identified() {
    char value[1024];
    sandbox_seed_token("{\"description\": \"leaked\"}", value, sizeof value);
    const std::unique_ptr<emnify::TokenClaims> claims = emnify::Client::token_inspect(value);
    CHECK(claims && claims->id == 4712 && claims->organisation_id == 1234);
    CHECK(!emnify::Client::token_inspect("opaque"));
    const std::unique_ptr<emnify::Token> token = emnify::Client(sandbox()).token_identify(value);
    CHECK(token && token->id == 4712 && token->description == "leaked");
}

void a_client_knows_its_own_row() {
    const std::unique_ptr<emnify::Token> own = emnify::Client(sandbox()).token_own();
    CHECK(own && own->id == 4711 && own->description == "Sandbox");
    CHECK(!emnify::Client(person()).token_own());
}

void cancel_a_call_in_another_thread() {
    emnify::Config config = sandbox();
    config.set_cancellable(true).set_max_exchanges(8);
    const emnify::Client client(config);
    std::int32_t code = EMNIFY_OK;
    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"delay\", \"milliseconds\": 300}");
    std::thread thread([&] {
        emnify::Error error;
        client.token_list(emnify::ListOptions(), error);
        code = error.code();
    });
    while (sandbox_calls("POST", SANDBOX_AUTHENTICATE) == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const double start = check_clock();
    client.cancel();
    thread.join();
    CHECK(check_clock() - start < 0.1 * check_slowness());
    CHECK_NUMBER(code, EMNIFY_ERR_CANCELLED);
    emnify::Error error;
    CHECK(!client.authenticate(error));
    CHECK_NUMBER(error.code(), EMNIFY_ERR_CANCELLED);
}

void a_call_in_another_thread_is_cancelled() {
    cancel_a_call_in_another_thread();
    // What is left of it ends by itself.
    while (count_threads() > CHECK_THREADS) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

} // namespace

int main() {
    RUN(a_resource_is_created_read_changed_and_removed);
    RUN(a_query_and_headers_are_sent);
    RUN(each_row_comes_once);
    RUN(pages_outlive_their_client_and_keep_its_functions);
    RUN(a_failure_ends_the_rows);
    RUN(a_user_works_in_another_workspace);
    RUN(risks_of_application_tokens_are_found);
    RUN(refused_sign_ins_are_listed);
    RUN(a_found_value_is_identified);
    RUN(a_client_knows_its_own_row);
    RUN(a_call_in_another_thread_is_cancelled);
    return check_report();
}
