/* The iterator behind plugin.stream(). */
#include "hot.h"

#include "../core/clock.h"
#include "../core/stream.h"

typedef struct stream_object {
    PyObject_HEAD
    lao__stream_t *stream; /* NULL once it ended */
    lao_call_t *call;
    lao__arguments_t *arguments;
    PyObject *caller;
} stream_object_t;

static void finish(stream_object_t *self) {
    lao__stream_t *stream = self->stream;
    self->stream = NULL;
    if (stream != NULL) {
        Py_BEGIN_ALLOW_THREADS
        lao__stream_destroy(stream);
        Py_END_ALLOW_THREADS
    }
    if (self->arguments != NULL) {
        lao__arguments_clear(self->arguments);
        PyMem_Free(self->arguments);
        PyMem_Free(self->call);
        self->arguments = NULL;
        self->call = NULL;
    }
    Py_CLEAR(self->caller);
}

PyObject *lao__stream_new(PyObject *caller, lao__target_t *target, lao_call_t *call, lao__arguments_t *arguments) {
    stream_object_t *self = PyObject_New(stream_object_t, lao__python.stream_type);
    lao__error_t error;
    lao_status_t status;
    if (self == NULL) {
        lao__arguments_clear(arguments);
        PyMem_Free(arguments);
        PyMem_Free(call);
        return NULL;
    }
    self->stream = NULL;
    self->call = call;
    self->arguments = arguments;
    self->caller = Py_NewRef(caller);
    status = lao__stream_open(target, call, &self->stream, &error);
    if (status != LAO_OK) {
        lao__raise(&error, status, caller);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void stream_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    finish((stream_object_t *)object);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyObject *stream_next(PyObject *object) {
    stream_object_t *self = (stream_object_t *)object;
    lao_value_t part;
    lao__error_t error;
    lao_status_t status;
    PyObject *caller;
    if (self->stream == NULL) {
        return NULL;
    }
    do { /* in slices, so that Ctrl-C is heard while nothing comes */
        Py_BEGIN_ALLOW_THREADS
        status = lao__stream_next(self->stream, 100000000, &part, &error);
        Py_END_ALLOW_THREADS
        if (status == LAO__STREAM_IDLE && PyErr_CheckSignals() != 0) {
            finish(self);
            return NULL;
        }
    } while (status == LAO__STREAM_IDLE);
    if (status == LAO_OK && part.kind != LAO_KIND_NONE) {
        return lao__output_to_python(&part, self->caller);
    }
    caller = Py_NewRef(self->caller);
    finish(self);
    if (status != LAO_OK) {
        lao__raise(&error, status, caller);
    }
    Py_DECREF(caller);
    return NULL;
}

static PyObject *stream_close(PyObject *object, PyObject *unused) {
    (void)unused;
    finish((stream_object_t *)object);
    return Py_NewRef(Py_None);
}

static PyObject *stream_enter(PyObject *object, PyObject *unused) {
    (void)unused;
    return Py_NewRef(object);
}

static PyObject *stream_exit(PyObject *object, PyObject *args) {
    (void)args;
    return stream_close(object, NULL);
}

static PyMethodDef stream_methods[] = {
    {"close", stream_close, METH_NOARGS, "Stops the call and waits for its end."},
    {"__enter__", stream_enter, METH_NOARGS, NULL},
    {"__exit__", stream_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot stream_slots[] = {
    {Py_tp_dealloc, stream_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, stream_next},
    {Py_tp_methods, stream_methods},
    {Py_tp_doc, "The parts of a streaming call, as they come."},
    {0, NULL},
};

PyType_Spec lao__stream_spec = {
    .name = "lao._native._hot.Stream",
    .basicsize = sizeof(stream_object_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = stream_slots,
};
