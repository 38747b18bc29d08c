// A program that fed_program.py feeds: it takes inputs from standard input, each behind its size in bytes and a line break,
// gives each to `read`, and writes a line for it. What must not be ends the program.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>

static void read(const std::string &input);

static inline void require(bool holds, const std::string &what, const std::string &more = "") {
    if (!holds) {
        std::cerr << what << (more.empty() ? "" : ": ") << more << '\n';
        std::abort();
    }
}

int main() {
    std::size_t size = 0;
    while (std::cin >> size) {
        std::cin.get();
        std::string input(size, '\0');
        std::cin.read(input.data(), static_cast<std::streamsize>(size));
        read(input);
        std::cout << "read" << std::endl;
    }
    return 0;
}
