// Tests of text.cpp, packed.cpp and sha256.cpp alone.
#include "../src/text.hpp"

#include <iostream>

#include "../src/packed.hpp"
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
    expect("base64", decode_base64("TWFuTQ==") == "ManM" && decode_base64("TWE=") == "Ma" && decode_base64("") == "");
    for (const char *wrong : {"T", "TQ", "T===", "T!==", "=TQ="}) {
        expect("what is no base64", !decode_base64(wrong));
    }
    // FIPS 180-4's own examples.
    expect("the hash of abc", digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect("the hash of two blocks", digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
                                         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    return failures == 0 ? 0 : 1;
}
