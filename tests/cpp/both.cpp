// One program of code with and without exceptions. Built twice: the part without them must not lend
// the other its functions, through which an exception would end the program.

#include "emnify.hpp"
#include "support.h"

// What is in a namespace without a name cannot clash: only the headers' functions could.
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

void an_exception_ends_where_it_should() {
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
    RUN(an_exception_ends_where_it_should);
    return check_report();
}
#endif
