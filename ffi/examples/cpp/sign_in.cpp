// Signs in to emnify, creates an application token, prints the list, and revokes the token again.
//
// Set EMNIFY_APPLICATION_TOKEN, or EMNIFY_APPLICATION_TOKEN_FILE, and run
//
//     c++ -std=c++11 sign_in.cpp -I../../../include -lemnify -o sign_in && ./sign_in

#include <cstring>
#include <ctime>
#include <exception>
#include <iomanip>
#include <iostream>
#include <string>

#include "emnify.hpp"

namespace {

std::string utc(emnify::Time instant) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(instant);
    char text[32] = "?";
    if (const std::tm *parts = std::gmtime(&seconds)) {
        std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", parts);
    }
    return text;
}

// Returns enough of a secret to recognise it, but too little to use it.
std::string masked(const char *secret) {
    const std::size_t length = std::strlen(secret);
    return std::string(secret, length < 4 ? length : 4) + "... (" + std::to_string(length) +
           " characters)";
}

void run() {
    // All settings come from the environment.
    const emnify::Client client;

    const emnify::AuthToken auth_token = client.authenticate();
    std::cout << "Signed in to workspace " << auth_token.organisation_id() << ".\n"
              << "Auth token " << masked(auth_token.reveal()) << ", valid until "
              << utc(auth_token.expires_at()) << ".\n";

    emnify::TokenOptions options;
    options.description = "sign_in example";
    options.expires_in = std::chrono::hours(1);
    const emnify::CreatedToken created = client.token_create(options);
    // The value is shown only now. A real program stores it here.
    std::cout << "Created application token " << masked(created.reveal()) << ", id "
              << (created.id() ? std::to_string(created.id()) : "not known") << ".\n";

    // The error is a value here, not an exception, so the token is revoked also if the list fails.
    emnify::Error list_error;
    std::cout << "Application tokens of this workspace:\n";
    for (const emnify::Token &token : client.token_list(emnify::ListOptions(), list_error)) {
        std::cout << "  " << std::setw(8) << token.id << "  "
                  << (token.status == EMNIFY_TOKEN_REVOKED ? "revoked  " : "activated")
                  << "  expires " << (token.expiry_date.empty() ? "never" : token.expiry_date)
                  << "  "
                  << (token.description.empty() ? "(no description)" : token.description) << '\n';
    }

    if (created.id()) {
        client.token_revoke(created.id());
        std::cout << "Revoked application token " << created.id() << ".\n";
    }
    if (list_error) {
        throw list_error;
    }
}

} // namespace

int main() {
    try {
        run();
    } catch (const emnify::Error &error) {
        std::cerr << "sign_in: " << error.what() << "\n(" << emnify_error_name(error.code())
                  << ")\n";
        if (error.is_retryable()) {
            const long long wait = error.retry_after().count();
            std::cerr << "Try again "
                      << (wait < 0 ? "later" : "in " + std::to_string((wait + 999) / 1000) + " s")
                      << ".\n";
        }
        return 1;
    } catch (const std::exception &error) {
        std::cerr << "sign_in: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
