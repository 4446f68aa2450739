/*
 * emnify.hpp - emnify.h for C++11 and later: handles that free themselves, std::string,
 * std::chrono, and errors as exceptions or as values. Header-only; link with -lemnify.
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
 * The comments in emnify.h apply: what each call does, how long it blocks, its errors, the thread
 * rules, and when your functions run. Comments here describe only what is different in C++.
 *
 * Each call that can fail has two forms. Without an Error argument it throws emnify::Error. With an
 * Error as its last argument it does not throw: it sets the error, or clears it on success, and
 * returns an empty value on failure. If the compiler has exceptions disabled, or
 * EMNIFY_NO_EXCEPTIONS is defined, only the second form exists. (If memory runs out, the standard
 * library reports it in its own way.)
 *
 * Handles can be moved but not copied. A handle that was moved from is empty: it converts to false,
 * and a call with it fails with EMNIFY_ERR_INVALID_INPUT. Your functions are kept alive by the
 * Config, by each Client created from it, and by the Pages and Clients that these create.
 */

#ifndef EMNIFY_HPP
#define EMNIFY_HPP

#include "emnify/base.hpp"
#include "emnify/callback.hpp"
#include "emnify/client.hpp"
#include "emnify/config.hpp"
#include "emnify/error.hpp"
#include "emnify/request.hpp"
#include "emnify/session.hpp"
#include "emnify/token.hpp"

#endif /* EMNIFY_HPP */
