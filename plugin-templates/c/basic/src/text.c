#include "text.h"

#include <lao/c/letter_case.h>
#include <lao/c/utf8.h>
#include <string.h>

static const char *const mode_names[MODE_COUNT] = {"upper", "lower", "title", "reverse", "slug"};

int text_mode(const char *name) {
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        if (strcmp(name, mode_names[mode]) == 0) {
            return mode;
        }
    }
    return -1;
}

/* Letters and digits, and whatever is no white space or punctuation beyond ASCII. */
static int belongs_to_slug(uint32_t c) {
    if (c < 0x80) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    }
    return c > 0xBF && !(c >= 0x2000 && c <= 0x206F) && !(c >= 0x3000 && c <= 0x303F) && !lao_is_space(c);
}

static uint64_t reverse(const char *text, uint64_t size, char *to) {
    const char *at = text, *end = text + size;
    while (at < end) {
        const char *from = at;
        if (lao_utf8_next(&at, end) < 0) {
            at++; /* not UTF-8: the byte is kept as it is */
        }
        memcpy(to + (end - at), from, (size_t)(at - from));
    }
    return size;
}

static uint64_t slug(const char *text, uint64_t size, char *to) {
    const char *at = text, *end = text + size;
    char *out = to;
    int gap = 0;
    int32_t c;
    while ((c = lao_utf8_next(&at, end)) >= 0) {
        if (!belongs_to_slug((uint32_t)c)) {
            gap = 1;
            continue;
        }
        if (gap && out > to) {
            *out++ = '-';
        }
        gap = 0;
        out += lao_utf8_put(out, lao_to_lower((uint32_t)c));
    }
    return (uint64_t)(out - to);
}

uint64_t text_change(int mode, const char *text, uint64_t size, char *to) {
    const char *at = text, *end = text + size;
    char *out = to;
    int word_begins = 1;
    int32_t c;
    if (size == 0) { /* an empty text may have no data */
        return 0;
    }
    if (mode == MODE_REVERSE) {
        return reverse(text, size, to);
    }
    if (mode == MODE_SLUG) {
        return slug(text, size, to);
    }
    while ((c = lao_utf8_next(&at, end)) >= 0) {
        int up = mode == MODE_UPPER || (mode == MODE_TITLE && word_begins);
        out += lao_utf8_put(out, up ? lao_to_upper((uint32_t)c) : lao_to_lower((uint32_t)c));
        word_begins = lao_is_space((uint32_t)c);
    }
    return (uint64_t)(out - to);
}

void text_trim(const char **text, uint64_t *size) {
    const char *at = *text, *end = *text + *size, *last = at, *first = end;
    int32_t c;
    if (*size == 0) {
        return;
    }
    for (const char *from = at; (c = lao_utf8_next(&at, end)) >= 0; from = at) {
        if (!lao_is_space((uint32_t)c)) {
            first = first == end ? from : first;
            last = at;
        }
    }
    *text = first;
    *size = first == end ? 0 : (uint64_t)(last - first);
}

counts_t text_count(const char *text, uint64_t size) {
    counts_t counts = {.bytes = size};
    const char *at = text, *end = text + size;
    int in_word = 0;
    int32_t c = '\n';
    if (size == 0) {
        return counts;
    }
    while (at < end && (c = lao_utf8_next(&at, end)) >= 0) {
        int space = lao_is_space((uint32_t)c);
        counts.characters++;
        counts.words += !space && !in_word;
        counts.lines += c == '\n';
        in_word = !space;
    }
    counts.lines += c != '\n'; /* the last line may lack its end */
    return counts;
}
