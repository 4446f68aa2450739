// A user's program in C++, which is built against an installed library.
#include <emnify.hpp>
#include <iostream>

int main()
{
    try {
        const emnify::Client client;
        client.authenticate();
        std::cout << "signed in\n";
    } catch (const emnify::Error &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
