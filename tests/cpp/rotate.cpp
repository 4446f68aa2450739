// Replacing the application token that a client signs in with, through emnify.hpp with exceptions.

#include "emnify.hpp"
#include "support.h"

namespace {

// A store directory for one test.
class Store {
public:
    Store() { CHECK(mkdtemp(path_) != NULL); }
    ~Store() { remove_folder(path_); }
    Store(const Store &) = delete;
    Store &operator=(const Store &) = delete;
    const char *path() const { return path_; }

private:
    char path_[32] = "/tmp/emnify-store-XXXXXX";
};

emnify::Config sandbox(const Store &store) {
    emnify::Config config;
    config.set_application_token(sandbox_variable("EMNIFY_APPLICATION_TOKEN"))
        .set_base_url(sandbox_variable("EMNIFY_BASE_PATH"))
        .set_ca_bundle(sandbox_variable("SSL_CERT_FILE"))
        .set_store(store.path());
    return config;
}

void the_new_token_is_handed_over_and_the_old_one_revoked() {
    const Store store;
    const emnify::Client client(sandbox(store));
    std::string handed_over;
    emnify::RotateOptions options;
    options.description = "gateway 8";
    options.expires_in = std::chrono::hours(48);
    options.ip = "127.0.0.0/8";
    options.hand_over = [&](const char *token, std::size_t length) {
        handed_over.assign(token, length);
        return true;
    };
    const emnify::Rotation rotation = client.token_rotate(options);
    CHECK_NUMBER(rotation.state, EMNIFY_ROTATION_DONE);
    CHECK_NUMBER(rotation.old_id, 4711);
    CHECK(rotation.new_id != 0 && rotation.new_id != 4711);
    CHECK(rotation.grace_left.count() == -1 && !rotation.is_adopted);
    CHECK(handed_over.size() > 10);

    const std::unique_ptr<emnify::Token> own = client.token_own();
    CHECK(own && own->id == rotation.new_id && own->description == "gateway 8");
    CHECK(own->ip == "127.0.0.0/8" && !own->expiry_date.empty());
    CHECK_NUMBER(client.token_list().front().status, EMNIFY_TOKEN_REVOKED);
    CHECK(emnify::Client(sandbox(store).set_application_token(handed_over)).authenticate());
}

// Neither an exception nor another token counts as read back, and the next call continues.
void the_old_token_is_revoked_only_after_the_new_one_was_read_back() {
    const Store store;
    const emnify::Client client(sandbox(store));
    std::string kept;
    int times = 0;
    emnify::RotateOptions options;
    options.hand_over = [&](const char *token, std::size_t length) {
        kept.assign(token, length);
        return true;
    };
    options.read_back = [&]() -> std::string {
        if (++times == 1) {
            throw 7;
        }
        return times == 2 ? "another" : kept + "\n";
    };
    for (int i = 0; i < 2; ++i) {
        emnify::Error error;
        client.token_rotate(options, error);
        CHECK_NUMBER(error.code(), EMNIFY_ERR_ROTATION);
        CHECK_NUMBER(client.token_list().front().status, EMNIFY_TOKEN_ACTIVATED);
    }
    CHECK_NUMBER(client.token_rotate(options).state, EMNIFY_ROTATION_DONE);
    CHECK_NUMBER(client.token_list().front().status, EMNIFY_TOKEN_REVOKED);
    CHECK_NUMBER(times, 3);
}

void both_tokens_work_in_the_grace_period() {
    const Store store;
    const emnify::Client client(sandbox(store));
    emnify::RotateOptions options;
    options.grace = std::chrono::hours(1);
    options.hand_over = [](const char *, std::size_t) { return true; };
    const emnify::Rotation rotation = client.token_rotate(options);
    CHECK_NUMBER(rotation.state, EMNIFY_ROTATION_GRACE);
    CHECK(rotation.grace_left > std::chrono::minutes(50));
    CHECK(rotation.grace_left <= std::chrono::hours(1));
    CHECK_NUMBER(client.token_list().front().status, EMNIFY_TOKEN_ACTIVATED);
}

// Neither `false` nor an exception counts as taken, and the next call continues.
void a_token_that_was_not_taken_is_handed_over_again() {
    const Store store;
    const emnify::Client client(sandbox(store));
    std::vector<std::string> handed_over;
    emnify::RotateOptions options;
    options.hand_over = [&](const char *token, std::size_t) -> bool {
        handed_over.push_back(token);
        if (handed_over.size() == 1) {
            throw 7;
        }
        return handed_over.size() == 3;
    };
    for (int times = 0; times < 2; ++times) {
        try {
            client.token_rotate(options);
            CHECK(!"thrown");
        } catch (const emnify::Error &error) {
            CHECK_NUMBER(error.code(), EMNIFY_ERR_ROTATION);
            CHECK_NUMBER(error.rotation_state(), EMNIFY_ROTATION_COMMITTED);
            check_no_secret(error.what());
        }
    }
    CHECK_NUMBER(client.token_rotate(options).state, EMNIFY_ROTATION_DONE);
    CHECK_NUMBER(handed_over.size(), 3);
    CHECK(handed_over.front() == handed_over.back());
}

void the_old_token_is_kept_and_options_that_did_not_apply_are_reported() {
    const Store store;
    const emnify::Client client(sandbox(store));
    emnify::RotateOptions options;
    options.keep_old = true;
    options.grace = std::chrono::hours(1);
    options.hand_over = [](const char *, std::size_t) { return true; };
    CHECK(client.token_rotate(options).ignored_options.empty());
    options.ip = "127.0.0.1";
    const emnify::Rotation rotation = client.token_rotate(options);
    CHECK(rotation.is_old_kept && rotation.ignored_options == "ip");
}

} // namespace

int main() {
    RUN(the_new_token_is_handed_over_and_the_old_one_revoked);
    RUN(the_old_token_is_revoked_only_after_the_new_one_was_read_back);
    RUN(both_tokens_work_in_the_grace_period);
    RUN(a_token_that_was_not_taken_is_handed_over_again);
    RUN(the_old_token_is_kept_and_options_that_did_not_apply_are_reported);
    return check_report();
}
