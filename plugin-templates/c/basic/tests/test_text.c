/* Tests of text.c alone. */
#include "../src/text.h"

#include <stdio.h>
#include <string.h>

static int failures;

static void expect(const char *mode, const char *text, const char *expected) {
    char out[256] = "";
    uint64_t size = text_change(text_mode(mode), text, strlen(text), out);
    out[size] = '\0';
    if (strcmp(out, expected) != 0) {
        printf("%s of \"%s\" is \"%s\", not \"%s\"\n", mode, text, out, expected);
        failures++;
    }
}

static void expect_counts(const char *text, uint64_t characters, uint64_t words, uint64_t lines) {
    counts_t counts = text_count(text, strlen(text));
    if (counts.bytes != strlen(text) || counts.characters != characters || counts.words != words ||
        counts.lines != lines) {
        printf("the counts of \"%s\" are wrong\n", text);
        failures++;
    }
}

int main(void) {
    expect("upper", "Grüße, Ελλάδα", "GRÜßE, ΕΛΛΆΔΑ");
    expect("lower", "ÄÖÜ ŁÓDŹ", "äöü łódź");
    expect("title", "der ÄRGER  kommt", "Der Ärger  Kommt");
    expect("reverse", "añb東", "東bña");
    expect("slug", "  Crème brûlée & Tea!  ", "crème-brûlée-tea");
    expect("slug", "***", "");
    expect("lower", "", "");
    expect_counts("", 0, 0, 0);
    expect_counts("ab cd\né", 7, 3, 2);
    expect_counts("one\n", 4, 1, 1);
    if (text_mode("sideways") != -1) {
        printf("there is no mode `sideways`\n");
        failures++;
    }
    const char *text = "  \u00e4 b \n";
    uint64_t size = strlen(text);
    text_trim(&text, &size);
    if (size != 4 || memcmp(text, "\u00e4 b", 4) != 0) {
        printf("trimming left %d bytes\n", (int)size);
        failures++;
    }
    return failures == 0 ? 0 : 1;
}
