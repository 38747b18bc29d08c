#include "text_buffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

void lao__text_add(lao__text_buffer_t *buffer, const char *text, size_t size) {
    if (buffer->failed) {
        return;
    }
    if (buffer->capacity - buffer->size <= size) {
        size_t capacity = (buffer->size + size + 1) * 2;
        char *larger = realloc(buffer->text, capacity);
        if (larger == NULL) {
            buffer->failed = true;
            return;
        }
        buffer->text = larger;
        buffer->capacity = capacity;
    }
    memcpy(buffer->text + buffer->size, text, size);
    buffer->size += size;
    buffer->text[buffer->size] = '\0';
}

void lao__text_add_string(lao__text_buffer_t *buffer, const char *text) { lao__text_add(buffer, text, strlen(text)); }

void lao__text_add_json(lao__text_buffer_t *buffer, const char *text, size_t size) {
    size_t at = 0;
    size_t length;
    char escaped[8];
    lao__text_add(buffer, "\"", 1);
    for (; at < size; at += length) {
        unsigned char byte = (unsigned char)text[at];
        length = lao__utf8_character(text + at, size - at);
        if (length == 0) {
            length = 1;
            lao__text_add_string(buffer, "\xEF\xBF\xBD");
        } else if (byte == '"' || byte == '\\') {
            escaped[0] = '\\';
            escaped[1] = (char)byte;
            lao__text_add(buffer, escaped, 2);
        } else if (byte < 0x20) {
            snprintf(escaped, sizeof escaped, "\\u%04x", byte);
            lao__text_add(buffer, escaped, 6);
        } else {
            lao__text_add(buffer, text + at, length);
        }
    }
    lao__text_add(buffer, "\"", 1);
}

static void add_key(lao__text_buffer_t *buffer, const char *key) {
    char last = buffer->size > 0 ? buffer->text[buffer->size - 1] : '{';
    if (last != '{' && last != '[') {
        lao__text_add(buffer, ",", 1);
    }
    lao__text_add_json(buffer, key, strlen(key));
    lao__text_add(buffer, ":", 1);
}

void lao__text_add_json_field(lao__text_buffer_t *buffer, const char *key, const char *value) {
    add_key(buffer, key);
    if (value == NULL) {
        lao__text_add_string(buffer, "null");
    } else {
        lao__text_add_json(buffer, value, strlen(value));
    }
}

void lao__text_add_json_number(lao__text_buffer_t *buffer, const char *key, uint64_t value) {
    char digits[24];
    add_key(buffer, key);
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    lao__text_add_string(buffer, digits);
}
