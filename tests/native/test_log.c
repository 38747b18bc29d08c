/* The bounded log: order, cutting, and a count of what was dropped. */
#include "core/log.h"
#include "expect.h"

static lao__log_line_t line;

static void lines_come_back_in_order(void) {
    EXPECT(!lao__log_take(&line));
    lao__log_write("one", 10, "first", 5);
    lao__log_write("two", 40, "second", 3);
    EXPECT(lao__log_take(&line));
    EXPECT_TEXT(line.plugin, "one");
    EXPECT_TEXT(line.text, "first");
    EXPECT_EQUAL(line.level, 10);
    EXPECT(lao__log_take(&line));
    EXPECT_TEXT(line.text, "sec");
    EXPECT(!lao__log_take(&line));
    EXPECT_EQUAL(lao__log_dropped(), 0);
}

static void long_lines_are_cut(void) {
    static char text[3 * LAO__LOG_LINE_BYTES], name[500];
    memset(text, 't', sizeof text);
    memset(name, 'n', sizeof name - 1);
    lao__log_write(name, 20, text, sizeof text);
    EXPECT(lao__log_take(&line));
    EXPECT_EQUAL(strlen(line.text), LAO__LOG_LINE_BYTES - 1);
    EXPECT_EQUAL(strlen(line.plugin), sizeof line.plugin - 1);
}

static void the_newest_lines_stay(void) {
    char text[32];
    for (unsigned i = 0; i < LAO__LOG_LINES + 10; i++) {
        int size = snprintf(text, sizeof text, "line %u", i);
        lao__log_write("p", 20, text, (uint64_t)size);
    }
    EXPECT_EQUAL(lao__log_dropped(), 10);
    EXPECT(lao__log_take(&line));
    EXPECT_TEXT(line.text, "line 10");
    unsigned taken = 1;
    while (lao__log_take(&line)) {
        taken++;
    }
    EXPECT_EQUAL(taken, LAO__LOG_LINES);
}

int main(void) {
    RUN(lines_come_back_in_order);
    RUN(long_lines_are_cut);
    RUN(the_newest_lines_stay);
    return 0;
}
