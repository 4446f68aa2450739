/* The configuration of a client. A part of emnify.hpp. */

#ifndef EMNIFY_CONFIG_HPP
#define EMNIFY_CONFIG_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base.hpp"
#include "callback.hpp"
#include "error.hpp"

namespace emnify {
inline namespace EMNIFY_HPP_NAMESPACE {

/*
 * Settings for a client. What is not set comes from the environment or has a default. The setters
 * do not fail: the first invalid value is reported when a Client is created.
 */
class Config {
public:
    Config() noexcept : config_(emnify_config_new()) {}

    /* Whether it is valid: false after it was moved from. */
    explicit operator bool() const noexcept { return static_cast<bool>(config_); }

    /* The token is copied. Wipe your own copy when you no longer need it. */
    Config &set_application_token(const char *token, std::size_t length) {
        return call(emnify_config_set_application_token, token, length);
    }

    Config &set_application_token(const std::string &token) {
        return set_application_token(token.data(), token.size());
    }

    Config &set_application_token_file(const std::string &path) {
        return set_text(emnify_config_set_application_token_file, path,
                        "application_token_file: contains a NUL");
    }

    Config &set_base_url(const std::string &url) {
        return set_text(emnify_config_set_base_url, url, "base_url: contains a NUL");
    }

    /* A negative time is refused like 0. A time above 49 days is limited to 49 days. */
    Config &set_timeout(std::chrono::milliseconds timeout) {
        return call(emnify_config_set_timeout_ms, detail::count(timeout));
    }

    Config &set_connect_timeout(std::chrono::milliseconds timeout) {
        return call(emnify_config_set_connect_timeout_ms, detail::count(timeout));
    }

    Config &set_ca_bundle(const std::string &path) {
        return set_text(emnify_config_set_ca_bundle, path, "ca_bundle: contains a NUL");
    }

    /* Sets PEM certificates in memory. They are copied. */
    Config &set_ca_pem(const char *pem, std::size_t length) {
        return call(emnify_config_set_ca_pem, pem, length);
    }

    Config &set_ca_pem(const std::string &pem) { return set_ca_pem(pem.data(), pem.size()); }

    Config &set_proxy(const std::string &url) {
        return set_text(emnify_config_set_proxy, url, "proxy: contains a NUL");
    }

    Config &set_interface(const std::string &name) {
        return set_text(emnify_config_set_interface, name, "interface: contains a NUL");
    }

    Config &set_local_address(const std::string &address) {
        return set_text(emnify_config_set_local_address, address, "local_address: contains a NUL");
    }

    /* Sets where the session is kept after the process ends: a directory, or the URL of a Redis
     * server. */
    Config &set_store(const std::string &path) {
        return set_text(emnify_config_set_store, path, "store: contains a NUL");
    }

    /* Sets whether a thread renews the auth token on time, also without calls. Default: false. */
    Config &set_auto_renew(bool auto_renew) {
        return call(emnify_config_set_auto_renew, auto_renew);
    }

    /* Sets about how many clients sign in from the same public address. Default: unknown. */
    Config &set_fleet_size(std::uint32_t clients) {
        return call(emnify_config_set_fleet_size, clients);
    }

    /* Sets whether calls are delayed to stay within emnify's rate limits. Default: true. */
    Config &set_pacing(bool pacing) {
        return call(emnify_config_set_pacing, pacing);
    }

    /* Sets how often a call is repeated after temporary failures. Default: 2. */
    Config &set_retries(std::uint32_t retries) {
        return call(emnify_config_set_retries, retries);
    }

    /* Sets whether Client::cancel() also ends a call that waits for a response. Default: false. */
    Config &set_cancellable(bool cancellable) {
        return call(emnify_config_set_cancellable, cancellable);
    }

    /* Sets how many exchanges a cancellable client may run at the same time, each on its own
     * thread; further exchanges wait. Default: 64. */
    Config &set_max_exchanges(std::size_t max_exchanges) {
        return call(emnify_config_set_max_exchanges, max_exchanges);
    }

    /* Sets a person's credentials. They are copied. Wipe your own copy of the password. */
    Config &set_user(const std::string &username, const char *password, std::size_t length) {
        return set([&](Error &error) {
            if (detail::has_nul(username)) {
                error = Error::invalid_input("username: contains a NUL");
            } else {
                detail::call(error, emnify_config_set_user, get(), username.c_str(), password,
                             length);
            }
        });
    }

    Config &set_user(const std::string &username, const std::string &password) {
        return set_user(username, password.data(), password.size());
    }

    /* Sets the function that asks a person for the one-time code. An exception means that there
     * is no code. */
    Config &set_mfa(Mfa mfa) {
        return set([&](Error &error) {
            if (!mfa) {
                error = Error::invalid_input("mfa: is empty");
            } else {
                set_function(emnify_config_set_mfa, detail::EMNIFY_HPP_IN_C(ask), std::move(mfa),
                             detail::EMNIFY_HPP_IN_C(free_mfa), error);
            }
        });
    }

    /* Sets the device that the person signs in from. Choose a fingerprint that is hard to guess. */
    Config &set_trusted_device(const char *fingerprint, std::size_t length,
                               const std::string &name) {
        return set([&](Error &error) {
            if (detail::has_nul(name)) {
                error = Error::invalid_input("name: contains a NUL");
            } else {
                detail::call(error, emnify_config_set_trusted_device, get(), fingerprint,
                             length, name.c_str());
            }
        });
    }

    Config &set_trusted_device(const std::string &fingerprint, const std::string &name) {
        return set_trusted_device(fingerprint.data(), fingerprint.size(), name);
    }

    /* Sets the function that gets the events. Its exceptions are dropped. */
    Config &set_observer(Observer observer) {
        return set([&](Error &error) {
            if (!observer) {
                error = Error::invalid_input("observer: is empty");
            } else {
                set_function(emnify_config_set_observer, detail::EMNIFY_HPP_IN_C(observe),
                             std::move(observer), detail::EMNIFY_HPP_IN_C(free_observer), error);
            }
        });
    }

    /* Returns the C handle, owned by this object. */
    emnify_config *get() const noexcept { return config_.get(); }

    /* Returns the error of the first setter that got an invalid value, if any. */
    const Error &error() const noexcept { return error_; }

private:
    template <typename Setter>
    Config &set(Setter setter) {
        if (!error_) {
            setter(error_);
        }
        return *this;
    }

    template <typename Setter, typename... Arguments>
    Config &call(Setter setter, Arguments... arguments) {
        return set([&](Error &error) { detail::call(error, setter, get(), arguments...); });
    }

    Config &set_text(int32_t (*setter)(emnify_config *, const char *, emnify_error **),
                     const std::string &text, const char *refusal) {
        return set([&](Error &error) {
            if (detail::has_nul(text)) {
                error = Error::invalid_input(refusal);
            } else {
                detail::call(error, setter, get(), text.c_str());
            }
        });
    }

    /* Gives `function` to the library, which frees it. */
    template <typename Setter, typename InC, typename Function>
    void set_function(Setter setter, InC in_c, Function function, emnify_free_user free_user,
                      Error &error) {
        std::unique_ptr<Function> owned(new Function(std::move(function)));
        if (detail::call(error, setter, get(), in_c, owned.get(), free_user)) {
            owned.release();
        }
    }

    detail::Handle<emnify_config, emnify_config_free> config_;
    Error error_;
};

} /* inline namespace */
} /* namespace emnify */

#endif /* EMNIFY_CONFIG_HPP */
