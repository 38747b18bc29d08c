/* Memory of lao.empty arrays: exported by the buffer protocol, known to the channel, freed with the last view. */
#include "hot.h"

#include "../ipc/shared_buffer.h"

typedef struct shared {
    PyObject_HEAD
    lao__shared_buffer_t *buffer;
    Py_ssize_t size;
} shared_t;

static PyObject *shared_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"size", NULL};
    lao__error_t error;
    lao__shared_buffer_t *buffer;
    lao_status_t status;
    Py_ssize_t size;
    shared_t *self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "n", names, &size)) {
        return NULL;
    }
    if (size < 0) {
        PyErr_SetString(PyExc_ValueError, "size must not be negative");
        return NULL;
    }
    status = lao__shared_buffer_create((uint64_t)size, &buffer, &error);
    if (status != LAO_OK) {
        return lao__raise(&error, status, NULL);
    }
    self = PyObject_New(shared_t, type);
    if (self == NULL) {
        lao__shared_buffer_release(buffer);
        return NULL;
    }
    self->buffer = buffer;
    self->size = size;
    return (PyObject *)self;
}

static void shared_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    lao__shared_buffer_release(((shared_t *)object)->buffer);
    PyObject_Free(object);
    Py_DECREF(type);
}

static int get_buffer(PyObject *object, Py_buffer *view, int flags) {
    shared_t *self = (shared_t *)object;
    return PyBuffer_FillInfo(view, object, self->buffer->file.base, self->size, 0, flags);
}

static PyType_Slot shared_slots[] = {
    {Py_tp_new, shared_new},
    {Py_tp_dealloc, shared_dealloc},
    {Py_bf_getbuffer, get_buffer},
    {Py_tp_doc, "Bytes in a memory file that workers map instead of copying."},
    {0, NULL},
};

PyType_Spec lao__shared_spec = {
    .name = "lao._native._hot.SharedMemory",
    .basicsize = sizeof(shared_t),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = shared_slots,
};
