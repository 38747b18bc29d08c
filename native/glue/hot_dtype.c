#include "hot.h"

#include <string.h>

typedef struct row {
    lao_dtype_t dtype;
    const char *format; /* of the buffer protocol, NULL = none */
    const char *name;
} row_t;

static const row_t rows[] = {
    {{LAO_DTYPE_BOOL, 8, 1}, "?", "bool"},
    {{LAO_DTYPE_INT, 8, 1}, "b", "int8"},
    {{LAO_DTYPE_INT, 16, 1}, "h", "int16"},
    {{LAO_DTYPE_INT, 32, 1}, "i", "int32"},
    {{LAO_DTYPE_INT, 64, 1}, "q", "int64"},
    {{LAO_DTYPE_UINT, 8, 1}, "B", "uint8"},
    {{LAO_DTYPE_UINT, 16, 1}, "H", "uint16"},
    {{LAO_DTYPE_UINT, 32, 1}, "I", "uint32"},
    {{LAO_DTYPE_UINT, 64, 1}, "Q", "uint64"},
    {{LAO_DTYPE_FLOAT, 16, 1}, "e", "float16"},
    {{LAO_DTYPE_FLOAT, 32, 1}, "f", "float32"},
    {{LAO_DTYPE_FLOAT, 64, 1}, "d", "float64"},
    {{LAO_DTYPE_BFLOAT, 16, 1}, NULL, "bfloat16"},
    {{LAO_DTYPE_COMPLEX, 64, 1}, "Zf", "complex64"},
    {{LAO_DTYPE_COMPLEX, 128, 1}, "Zd", "complex128"},
};
#define ROW_COUNT (sizeof rows / sizeof *rows)

static const row_t *row_of(lao_dtype_t dtype) {
    size_t index;
    for (index = 0; index < ROW_COUNT; index++) {
        if (rows[index].dtype.code == dtype.code && rows[index].dtype.bits == dtype.bits && dtype.lanes == 1) {
            return &rows[index];
        }
    }
    return NULL;
}

const char *lao__format_of_dtype(lao_dtype_t dtype) {
    const row_t *row = row_of(dtype);
    return row != NULL ? row->format : NULL;
}

const char *lao__name_of_dtype(lao_dtype_t dtype) {
    const row_t *row = row_of(dtype);
    return row != NULL ? row->name : "unknown";
}

int lao__dtype_of_format(const char *format, Py_ssize_t item_size, lao_dtype_t *dtype) {
    uint8_t code;
    if (format == NULL) {
        format = "B";
    }
    if (*format == '@' || *format == '=' || *format == '|') {
        format++;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    } else if (*format == '<') {
#else
    } else if (*format == '>' || *format == '!') {
#endif
        format++;
    }
    if (format[0] == 'Z' && (format[1] == 'f' || format[1] == 'd') && format[2] == '\0') {
        code = LAO_DTYPE_COMPLEX;
    } else if (format[0] == '\0' || format[1] != '\0') {
        return 0;
    } else if (format[0] == '?') {
        code = LAO_DTYPE_BOOL;
    } else if (strchr("bhilqn", format[0]) != NULL) {
        code = LAO_DTYPE_INT;
    } else if (strchr("BHILQNc", format[0]) != NULL) {
        code = LAO_DTYPE_UINT;
    } else if (strchr("efd", format[0]) != NULL) {
        code = LAO_DTYPE_FLOAT;
    } else {
        return 0;
    }
    if (item_size < 1 || item_size > 16) {
        return 0;
    }
    dtype->code = code; /* the item size decides: `l` has 4 or 8 bytes */
    dtype->bits = (uint8_t)(item_size * 8);
    dtype->lanes = 1;
    return row_of(*dtype) != NULL;
}
