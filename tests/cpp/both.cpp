// One program with code that is built with and code that is built without exceptions. The linker
// must not use functions of the latter in the former, because an exception in them would end the
// program.

#include "emnify.hpp"
#include "support.h"

// In an unnamed namespace, only functions of the headers can clash.
namespace {

emnify::Config observed(emnify::Observer observer) {
    emnify::Config config;
    config.set_application_token(sandbox_variable("EMNIFY_APPLICATION_TOKEN"))
        .set_base_url(sandbox_variable("EMNIFY_BASE_PATH"))
        .set_ca_bundle(sandbox_variable("SSL_CERT_FILE"))
        .set_observer(std::move(observer));
    return config;
}

} // namespace

int told_without_exceptions();

#ifdef EMNIFY_NO_EXCEPTIONS
int told_without_exceptions() {
    int told = 0;
    emnify::Error error;
    const emnify::Client client(observed([&told](const emnify::Event &) { ++told; }), error);
    return client.authenticate(error) ? told : -1;
}
#else
namespace {

void an_exception_reaches_its_handler() {
    CHECK_NUMBER(told_without_exceptions(), 1);
    int told = 0;
    const emnify::Client client(observed([&told](const emnify::Event &) {
        ++told;
        throw 7;
    }));
    CHECK(client.authenticate());
    CHECK_NUMBER(told, 1);
    CHECK_NUMBER(told_without_exceptions(), 1);
}

} // namespace

int main() {
    RUN(an_exception_reaches_its_handler);
    return check_report();
}
#endif
