/* The limit: a CPython extension written by hand for this very job, which releases the GIL. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "echo.h"

static PyObject *echo_str(PyObject *module, PyObject *argument) {
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(argument, &size);
    char *buffer;
    (void)module;
    if (text == NULL) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    buffer = rival_buffer((size_t)size);
    memcpy(buffer, text, (size_t)size);
    Py_END_ALLOW_THREADS
    return PyUnicode_FromStringAndSize(buffer, size);
}

static PyObject *echo_bytes(PyObject *module, PyObject *argument) {
    Py_ssize_t size;
    char *bytes;
    char *buffer;
    (void)module;
    if (PyBytes_AsStringAndSize(argument, &bytes, &size) != 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    buffer = rival_buffer((size_t)size);
    memcpy(buffer, bytes, (size_t)size);
    Py_END_ALLOW_THREADS
    return PyBytes_FromStringAndSize(buffer, size);
}

static PyObject *look(PyObject *module, PyObject *argument) {
    Py_buffer view;
    char digits[24];
    int size;
    (void)module;
    if (PyObject_GetBuffer(argument, &view, PyBUF_STRIDES | PyBUF_FORMAT) != 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    size = snprintf(digits, sizeof digits, "%lld", (long long)view.shape[0]);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&view);
    return PyUnicode_FromStringAndSize(digits, size);
}

static PyMethodDef functions[] = {
    {"echo_str", echo_str, METH_O, NULL},
    {"echo_bytes", echo_bytes, METH_O, NULL},
    {"look", look, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "rival_extension", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_rival_extension(void) { return PyModule_Create(&definition); }
