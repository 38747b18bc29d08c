// Tests of text.cpp alone.
#include "../src/text.hpp"

#include <iostream>
#include <stdexcept>

static int failures = 0;

static void expect(std::string_view what, std::string_view is, std::string_view expected) {
    if (is != expected) {
        std::cout << what << " is \"" << is << "\", not \"" << expected << "\"\n";
        failures++;
    }
}

static void expect_counts(std::string_view text, std::int64_t characters, std::int64_t words, std::int64_t lines) {
    const text::Counts counts = text::count(text);
    if (counts.bytes != static_cast<std::int64_t>(text.size()) || counts.characters != characters ||
        counts.words != words || counts.lines != lines) {
        std::cout << "the counts of \"" << text << "\" are wrong\n";
        failures++;
    }
}

int main() {
    expect("upper", text::change("upper", "Grüße, Ελλάδα"), "GRÜßE, ΕΛΛΆΔΑ");
    expect("lower", text::change("lower", "ÄÖÜ ŁÓDŹ"), "äöü łódź");
    expect("title", text::change("title", "der ÄRGER  kommt"), "Der Ärger  Kommt");
    expect("reverse", text::change("reverse", "añb東"), "東bña");
    expect("slug", text::change("slug", "  Crème brûlée & Tea!  "), "crème-brûlée-tea");
    expect("slug", text::change("slug", "***"), "");
    expect("lower", text::change("lower", ""), "");
    expect("trim", text::trim("  \u00e4 b \n"), "\u00e4 b");
    expect("trim", text::trim(" \t"), "");
    expect_counts("", 0, 0, 0);
    expect_counts("ab cd\né", 7, 3, 2);
    expect_counts("one\n", 4, 1, 1);
    try {
        text::change("sideways", "x");
        std::cout << "there is no mode `sideways`\n";
        failures++;
    } catch (const std::invalid_argument &) {
    }
    return failures == 0 ? 0 : 1;
}
