#include "hot.h"

#include <string.h>

#include "../core/check.h"
#include "../core/pool.h"
#include "hot_ascii.h"

lao__python_t lao__python;

PyObject *lao__raise(const lao__error_t *error, lao_status_t status, PyObject *caller) {
    PyObject *exception;
    if (status == LAO_CANCELLED && PyErr_CheckSignals() != 0) {
        return NULL; /* Ctrl-C cancelled it: KeyboardInterrupt says so better */
    }
    exception = PyObject_CallFunction(lao__python.make_error, "Iy#iisddO", (unsigned int)status, error->text,
                                      (Py_ssize_t)error->size, (int)error->signal, (int)error->exit_code, error->limit,
                                      error->used, error->allowed, caller != NULL ? caller : Py_None);
    if (exception != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
    return NULL;
}

static PyObject *violation(const char *text, PyObject *caller) {
    lao__error_t error;
    lao__fail(&error, LAO_PROTOCOL_VIOLATION, "%s", text);
    return lao__raise(&error, LAO_PROTOCOL_VIOLATION, caller);
}

static PyObject *decoded(const char *text, Py_ssize_t size, PyObject *caller) {
    PyObject *result;
    if (lao__caller_is_lossy(caller)) {
        return PyUnicode_DecodeUTF8(text, size, "replace");
    }
    result = PyUnicode_FromStringAndSize(text, size);
    if (result == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        return violation("the output is declared as text and is not UTF-8", caller);
    }
    return result;
}

/* A text that its worker can still change is copied, and only then looked at. */
static PyObject *text_of(const lao_value_t *output, PyObject *caller) {
    Py_ssize_t size = (Py_ssize_t)output->size;
    PyObject *result;
    char *copy;
    if ((output->flags & LAO__VALUE_CHANGEABLE) == 0) {
        return decoded(output->data != NULL ? output->data : "", size, caller);
    }
    result = lao__ascii_copy(output->data, size);
    if (result != NULL || PyErr_Occurred()) {
        return result;
    }
    copy = lao__pool_alloc(output->size, 0);
    if (copy == NULL) {
        return PyErr_NoMemory();
    }
    memcpy(copy, output->data, output->size);
    result = decoded(copy, size, caller);
    lao__pool_free(copy);
    return result;
}

/* What an output's texts say, for from_native. */
static PyObject *optional_text(const char *text, Py_ssize_t size) {
    return text == NULL ? Py_NewRef(Py_None) : PyUnicode_DecodeUTF8(text, size, "replace");
}

static PyObject *finish(PyObject *caller, PyObject *payload, const lao_value_t *output, PyObject *media_type,
                        PyObject *metadata) {
    PyObject *result = NULL;
    if (payload != NULL && media_type != NULL && metadata != NULL) {
        result = PyObject_CallFunction(lao__python.from_native, "OOIIIIOO", caller, payload, (unsigned int)output->kind,
                                       (unsigned int)output->sample_rate_hz, (unsigned int)output->color_space,
                                       (unsigned int)output->channel_order, media_type, metadata);
    }
    Py_XDECREF(payload);
    Py_XDECREF(media_type);
    Py_XDECREF(metadata);
    return result;
}

static PyObject *described_output(lao_value_t *output, PyObject *caller) {
    lao_value_t head = *output;
    PyObject *media_type =
        optional_text(output->media_type, output->media_type != NULL ? (Py_ssize_t)strlen(output->media_type) : 0);
    PyObject *metadata =
        optional_text(output->metadata_size > 0 ? output->metadata : NULL, (Py_ssize_t)output->metadata_size);
    PyObject *payload;
    if (output->tensor != NULL) {
        payload = lao__tensor_new(output);
    } else if (output->kind == LAO_KIND_JSON || output->kind == LAO_KIND_FILE) {
        payload = text_of(output, caller);
        lao__value_release(output);
    } else {
        payload = PyBytes_FromStringAndSize(output->data, (Py_ssize_t)output->size);
        lao__value_release(output);
    }
    return finish(caller, payload, &head, media_type, metadata);
}

PyObject *lao__output_to_python(lao_value_t *output, PyObject *caller) {
    PyObject *result;
    if (output->kind == LAO_KIND_TEXT) {
        result = text_of(output, caller);
    } else if (output->kind == LAO_KIND_BINARY && output->media_type == NULL && output->metadata_size == 0) {
        result = PyBytes_FromStringAndSize(output->data, (Py_ssize_t)output->size);
    } else {
        return described_output(output, caller);
    }
    lao__value_release(output);
    return result;
}
