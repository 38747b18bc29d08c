// Tests of text.cpp, named_tensors.cpp and sha256.cpp alone.
#include "../src/text.hpp"

#include <iostream>

#include "../src/named_tensors.hpp"
#include "../src/sha256.hpp"

static int failures = 0;

static void expect(const char *what, bool holds) {
    if (!holds) {
        std::cout << "wrong: " << what << "\n";
        failures++;
    }
}

static std::string digest(std::string_view text) {
    Sha256 made;
    made.add(text.data(), text.size());
    return made.hex();
}

// A block with that header, and so many bytes of elements.
static std::string block(const std::string &header, std::size_t bytes) {
    return std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header + std::string(bytes, 'x');
}

static bool is_refused(const std::string &block) {
    try {
        read_named_tensors(block);
        return false;
    } catch (const lao::InvalidInput &) {
        return true;
    }
}

static void named_tensors() {
    const auto written = write_named_tensors({{"a", "F32", {1, 2}, "12345678"}, {"b", "BOOL", {}, "\1"}});
    const auto again = read_named_tensors({reinterpret_cast<const char *>(written.data()), written.size()});
    expect("arrays come back", again.size() == 2 && again[0].name == "a" && again[0].dtype == "F32" &&
                                   again[0].shape == std::vector<std::int64_t>{1, 2} && again[0].bytes == "12345678" &&
                                   again[1].shape.empty() && again[1].bytes == "\1");
    expect("no arrays are none", read_named_tensors(block("{}", 0)).empty());
    const std::string a = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
    expect("a block as it should be", read_named_tensors(block(a, 2)).size() == 1);
    for (const std::string &wrong :
         {std::string("short"), std::string(8, '\xff'), block("{", 0), block("[]", 0), block(a, 1), block(a, 3),
          block(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}})", 2),
          block(R"({"a":{"dtype":"U9","shape":[2],"data_offsets":[0,2]}})", 2),
          block(R"({"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}})", 2),
          block(R"({"a":{"dtype":"U8","shape":[9223372036854775807,4],"data_offsets":[0,2]}})", 2),
          block(R"({"a":{"dtype":"U8","shape":[2]}})", 2)}) {
        expect("what is no block", is_refused(wrong));
    }
}

int main() {
    using Tokens = std::vector<std::int64_t>;
    expect("tokens are cut", text::tokens("abc", 2) == Tokens{97, 98});
    expect("bytes are no negative tokens", text::tokens("\xff", 9) == Tokens{255});
    const text::Padded padded = text::padded({{1}, {2, 3}});
    expect("rows have one length", padded.length == 2 && padded.all == Tokens{1, text::padding, 2, 3});
    expect("no row is empty", text::padded({{}}).all == Tokens{text::padding});
    const float scores[] = {0.25f, 0.75f};
    expect("the best score names the label",
           text::answer(scores, 2, {"a", "b"}).text() == R"({"label":"b","scores":{"a":0.25,"b":0.75}})");
    expect("a class without a label", text::answer(scores, 1, {}).text().find("class 0") != std::string::npos);
    named_tensors();
    // FIPS 180-4's own examples.
    expect("the hash of abc", digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect("the hash of two blocks", digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
                                         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    return failures == 0 ? 0 : 1;
}
