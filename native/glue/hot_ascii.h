/* Text of ASCII, made with one copy. */
#ifndef LAO_GLUE_HOT_ASCII_H
#define LAO_GLUE_HOT_ASCII_H

#include "hot.h"

/* A str of `size` bytes that somebody may change meanwhile: they are copied into it first, and checked there. NULL
 * without an exception: not all of it was ASCII, or this Python has no way to do so. */
PyObject *lao__ascii_copy(const char *text, Py_ssize_t size);

#endif
