#include "hot_ascii.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

#define PIECE_BYTES ((size_t)16384)

typedef PyObject *(*make_fn)(Py_ssize_t size, Py_UCS4 largest_character);

/* PyUnicode_New is not part of the limited API; where the interpreter has it all the same, it saves a copy. */
static make_fn find_make(void) {
    void *found = dlsym(RTLD_DEFAULT, "PyUnicode_New");
    make_fn make;
    memcpy(&make, &found, sizeof make);
    return make;
}

/* No early end: a compiler makes wide registers of it. */
static int is_ascii(const char *text, size_t size) {
    uint64_t all[8] = {0};
    size_t at, index;
    for (at = 0; at + sizeof all <= size; at += sizeof all) {
        uint64_t words[8];
        memcpy(words, text + at, sizeof words);
        for (index = 0; index < 8; index++) {
            all[index] |= words[index];
        }
    }
    for (; at < size; at++) {
        all[0] |= (unsigned char)text[at];
    }
    for (index = 1; index < 8; index++) {
        all[0] |= all[index];
    }
    return (all[0] & UINT64_C(0x8080808080808080)) == 0;
}

/* Piece by piece, so that what was just copied is looked at while it is near. */
static int copy_ascii(char *to, const char *from, size_t size) {
    size_t at, piece;
    for (at = 0; at < size; at += piece) {
        piece = size - at < PIECE_BYTES ? size - at : PIECE_BYTES;
        memcpy(to + at, from + at, piece);
        if (!is_ascii(to + at, piece)) {
            memset(to, ' ', size); /* what is freed is a sound str */
            return 0;
        }
    }
    return 1;
}

PyObject *lao__ascii_copy(const char *text, Py_ssize_t size) {
    static make_fn make;
    static int looked; /* with the GIL held */
    Py_ssize_t length = 0;
    PyObject *made;
    char *bytes;
    if (!looked) {
        make = find_make();
        looked = 1;
    }
    if (make == NULL) {
        return NULL;
    }
    made = make(size, 0x7f);
    if (made == NULL) {
        return NULL;
    }
    /* Nobody else has it yet; of such a str this is where its characters are, followed by a NUL. */
    bytes = (char *)(uintptr_t)PyUnicode_AsUTF8AndSize(made, &length);
    if (bytes != NULL && length == size && copy_ascii(bytes, text, (size_t)size)) {
        return made;
    }
    Py_DECREF(made);
    PyErr_Clear();
    return NULL;
}
