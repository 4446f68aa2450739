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
 * functions that you set are called. A Config keeps these alive, as does each Client made from it
 * and what came of that.
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
