/* Feed: the parts of an input, put in by a thread of Python's, taken out by a call. */
#include "hot.h"

#include "../core/feed.h"
#include "../core/value_copy.h"

typedef struct feed_object {
    PyObject_HEAD
    lao__feed_t *feed;
    uint32_t kind;
} feed_object_t;

lao__source_t *lao__feed_source_of(PyObject *object) { return lao__feed_source(((feed_object_t *)object)->feed); }

/* Feed(kind): of parts of that kind. */
static PyObject *feed_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    feed_object_t *self;
    unsigned int kind;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "I", &kind)) {
        return NULL;
    }
    self = (feed_object_t *)allocate(type, 0);
    if (self != NULL) {
        self->kind = kind;
        self->feed = lao__feed_create();
        if (self->feed == NULL) {
            Py_DECREF(self);
            return PyErr_NoMemory();
        }
    }
    return (PyObject *)self;
}

static void feed_dealloc(PyObject *object) {
    feed_object_t *self = (feed_object_t *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    if (self->feed != NULL) {
        lao__feed_destroy(self->feed);
    }
    release(object);
    Py_DECREF(type);
}

/* put(value) -> bool: whether more is wanted. The value is copied. */
static PyObject *feed_put(PyObject *object, PyObject *value) {
    feed_object_t *self = (feed_object_t *)object;
    lao__arguments_t arguments;
    lao_value_t part;
    lao__error_t error;
    lao_status_t status;
    bool wanted;
    lao__arguments_init(&arguments);
    if (lao__arguments_set_input(&arguments, value, self->kind) != 0) {
        lao__arguments_clear(&arguments);
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "a part of an input is a value, not None");
        }
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    status = lao__value_copy(arguments.values[0], &part, &error);
    Py_END_ALLOW_THREADS
    lao__arguments_clear(&arguments);
    if (status != LAO_OK) {
        return lao__raise(&error, status, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    wanted = lao__feed_put(self->feed, &part);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(wanted);
}

/* end(broken) */
static PyObject *feed_end(PyObject *object, PyObject *broken) {
    lao__feed_end(((feed_object_t *)object)->feed, PyObject_IsTrue(broken) == 1);
    return Py_NewRef(Py_None);
}

static PyObject *feed_stop(PyObject *object, PyObject *unused) {
    (void)unused;
    lao__feed_stop(((feed_object_t *)object)->feed);
    return Py_NewRef(Py_None);
}

static PyObject *feed_told(PyObject *object, PyObject *unused) {
    (void)unused;
    return PyBool_FromLong(lao__feed_told(((feed_object_t *)object)->feed));
}

static PyMethodDef feed_methods[] = {
    {"put", feed_put, METH_O, "Puts one part in, and waits while there is no room. False: nobody wants more."},
    {"end", feed_end, METH_O, "No part follows; true: because of a failure."},
    {"told", feed_told, METH_NOARGS, "Whether the call was told of a failure."},
    {"stop", feed_stop, METH_NOARGS, "Nobody wants more."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot feed_slots[] = {
    {Py_tp_new, feed_new},
    {Py_tp_dealloc, feed_dealloc},
    {Py_tp_methods, feed_methods},
    {Py_tp_doc, "The parts of an input on their way to a call."},
    {0, NULL},
};

PyType_Spec lao__feed_spec = {
    .name = "lao._native._hot.Feed",
    .basicsize = sizeof(feed_object_t),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = feed_slots,
};
