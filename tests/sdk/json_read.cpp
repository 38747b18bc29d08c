// Reads documents from standard input, each behind its size in bytes and a line break, and writes for each a line: the
// document again, or `error: ` and why it is none.
#include <iostream>
#include <lao/cpp/json_read.hpp>

int main() {
    std::size_t size = 0;
    while (std::cin >> size) {
        std::cin.get();
        std::string document(size, '\0');
        std::cin.read(&document[0], static_cast<std::streamsize>(size));
        try {
            std::cout << lao::JsonValue::parse(document).json().text << '\n';
        } catch (const lao::InvalidInput &wrong) {
            std::cout << "error: " << wrong.what() << '\n';
        }
    }
    return 0;
}
