/* A user's program with two static libraries in Rust. */
#include <stdbool.h>

bool another_catches_a_panic(void);

#define main sign_in
#include "program.c"
#undef main

int main(void)
{
    return !another_catches_a_panic() || sign_in() != 0 || !another_catches_a_panic();
}
