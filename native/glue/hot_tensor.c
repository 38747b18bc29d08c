/* lao.Tensor: an array that owns a plugin's output and releases it when the last view of it is gone. */
#include "hot.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

#include "../core/check.h"

typedef struct tensor {
    PyObject_HEAD
    lao_value_t output;
    Py_ssize_t shape[LAO_TENSOR_MAX_RANK]; /* as the buffer protocol wants them: elements and bytes */
    Py_ssize_t strides[LAO_TENSOR_MAX_RANK];
    Py_ssize_t item_size;
    Py_ssize_t element_count;
} tensor_t;

static const lao_tensor_t *dl_of(const tensor_t *self) { return &self->output.tensor->tensor; }

static int is_read_only(const tensor_t *self) { return (self->output.tensor->flags & LAO_TENSOR_READ_ONLY) != 0; }

PyObject *lao__tensor_new(lao_value_t *output) {
    tensor_t *self = PyObject_New(tensor_t, lao__python.tensor_type);
    const lao_tensor_t *tensor = &output->tensor->tensor;
    int64_t step = 1;
    int32_t axis;
    if (self == NULL) {
        lao__value_release(output);
        return NULL;
    }
    self->output = *output;
    self->item_size = (Py_ssize_t)lao__dtype_bytes(tensor->dtype);
    self->element_count = 1;
    for (axis = tensor->rank - 1; axis >= 0; axis--) {
        self->shape[axis] = (Py_ssize_t)tensor->shape[axis];
        self->strides[axis] = (Py_ssize_t)(tensor->strides != NULL ? tensor->strides[axis] : step) * self->item_size;
        step *= tensor->shape[axis] > 0 ? tensor->shape[axis] : 1;
        self->element_count *= self->shape[axis];
    }
    memset(output, 0, sizeof *output);
    return (PyObject *)self;
}

/* --- lao.Tensor(array) --- */

static void LAO_CALL release_source(lao_value_t *value) {
    PyGILState_STATE state = PyGILState_Ensure();
    lao__arguments_clear(value->owner);
    PyMem_Free(value->owner);
    PyGILState_Release(state);
}

/* Borrows the memory of any object with the buffer protocol or __dlpack__. */
static PyObject *tensor_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"array", NULL};
    PyObject *array;
    PyObject *capsule = NULL;
    lao__arguments_t *source;
    int result;
    (void)type;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &array)) {
        return NULL;
    }
    source = PyMem_Malloc(sizeof *source);
    if (source == NULL) {
        return PyErr_NoMemory();
    }
    lao__arguments_init(source);
    if (PyObject_CheckBuffer(array)) {
        result = lao__arguments_set_buffer(source, array, LAO_KIND_TENSOR);
        if (result == 0 && !source->view.readonly) {
            source->tensor.flags = 0;
        }
    } else {
        capsule = PyObject_CallMethod(array, "__dlpack__", NULL);
        result = capsule == NULL ? -1 : lao__arguments_set_capsule(source, capsule, LAO_KIND_TENSOR);
        Py_XDECREF(capsule);
    }
    if (result != 0) {
        lao__arguments_clear(source);
        PyMem_Free(source);
        return NULL;
    }
    source->value.owner = source;
    source->value.release = release_source;
    return lao__tensor_new(&source->value);
}

static void tensor_dealloc(PyObject *object) {
    tensor_t *self = (tensor_t *)object;
    PyTypeObject *type = Py_TYPE(object);
    lao__value_release(&self->output);
    PyObject_Free(object);
    Py_DECREF(type);
}

/* --- Buffer protocol --- */

static int is_c_contiguous(const tensor_t *self) {
    Py_ssize_t step = self->item_size;
    int32_t axis;
    for (axis = dl_of(self)->rank - 1; axis >= 0; axis--) {
        if (self->shape[axis] > 1 && self->strides[axis] != step) {
            return 0;
        }
        step *= self->shape[axis];
    }
    return 1;
}

static int get_buffer(PyObject *object, Py_buffer *view, int flags) {
    tensor_t *self = (tensor_t *)object;
    const lao_tensor_t *tensor = dl_of(self);
    const char *format = lao__format_of_dtype(tensor->dtype);
    view->obj = NULL;
    if (tensor->device.device_type != LAO_DEVICE_CPU) {
        PyErr_SetString(PyExc_BufferError, "the tensor is not in the CPU's memory; use __dlpack__");
        return -1;
    }
    if (format == NULL) {
        PyErr_SetString(PyExc_BufferError, "the buffer protocol cannot express this dtype; use __dlpack__");
        return -1;
    }
    if ((flags & PyBUF_WRITABLE) != 0 && is_read_only(self)) {
        PyErr_SetString(PyExc_BufferError, "the tensor is read-only");
        return -1;
    }
    if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES && !is_c_contiguous(self)) {
        PyErr_SetString(PyExc_BufferError, "the tensor is not contiguous");
        return -1;
    }
    view->buf = (char *)tensor->data + tensor->byte_offset;
    view->len = self->element_count * self->item_size;
    view->itemsize = self->item_size;
    view->readonly = is_read_only(self);
    view->ndim = (flags & PyBUF_ND) != 0 ? tensor->rank : 1;
    view->format = (flags & PyBUF_FORMAT) != 0 ? (char *)(uintptr_t)format : NULL;
    view->shape = (flags & PyBUF_ND) != 0 ? self->shape : NULL;
    view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? self->strides : NULL;
    view->suboffsets = NULL;
    view->internal = NULL;
    view->obj = Py_NewRef(object);
    return 0;
}

/* --- DLPack --- */

/* An exported view: keeps the tensor alive until the consumer is done. */
typedef struct exported {
    union {
        lao_managed_tensor_t versioned;
        struct {
            lao_tensor_t tensor;
            void *manager;
            void (*deleter)(void *self);
        } unversioned;
    } as;
    PyObject *owner;
} exported_t;

static void drop_exported(exported_t *exported) {
    PyGILState_STATE state = PyGILState_Ensure(); /* the consumer may be on any thread */
    Py_DECREF(exported->owner);
    PyGILState_Release(state);
    free(exported);
}

static void LAO_CALL delete_versioned(lao_managed_tensor_t *managed) { drop_exported((exported_t *)managed); }

static void delete_unversioned(void *managed) { drop_exported((exported_t *)managed); }

static void destroy_capsule(PyObject *capsule) {
    const char *name = PyCapsule_GetName(capsule);
    if (name != NULL && (strcmp(name, "dltensor") == 0 || strcmp(name, "dltensor_versioned") == 0)) {
        drop_exported(PyCapsule_GetPointer(capsule, name)); /* nobody took it */
    }
}

static PyObject *export_capsule(tensor_t *self, int versioned) {
    exported_t *exported = calloc(1, sizeof *exported);
    PyObject *capsule;
    if (exported == NULL) {
        return PyErr_NoMemory();
    }
    exported->owner = Py_NewRef((PyObject *)self);
    if (versioned) {
        exported->as.versioned.dlpack_major = 1;
        exported->as.versioned.flags = self->output.tensor->flags & LAO_TENSOR_READ_ONLY;
        exported->as.versioned.deleter = delete_versioned;
        exported->as.versioned.tensor = *dl_of(self);
    } else {
        exported->as.unversioned.tensor = *dl_of(self);
        exported->as.unversioned.deleter = delete_unversioned;
    }
    capsule = PyCapsule_New(exported, versioned ? "dltensor_versioned" : "dltensor", destroy_capsule);
    if (capsule == NULL) {
        drop_exported(exported);
    }
    return capsule;
}

static int wants_versioned(PyObject *max_version, int *versioned) {
    long major;
    *versioned = 0;
    if (max_version == NULL || max_version == Py_None) {
        return 0;
    }
    if (!PyTuple_Check(max_version) || PyTuple_Size(max_version) != 2) {
        PyErr_SetString(PyExc_TypeError, "max_version must be a tuple of two integers");
        return -1;
    }
    major = PyLong_AsLong(PyTuple_GetItem(max_version, 0));
    *versioned = major >= 1;
    return major == -1 && PyErr_Occurred() ? -1 : 0;
}

static PyObject *tensor_dlpack(PyObject *object, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"stream", "max_version", "dl_device", "copy", NULL};
    tensor_t *self = (tensor_t *)object;
    PyObject *stream = Py_None;
    PyObject *max_version = Py_None;
    PyObject *device = Py_None;
    PyObject *copy = Py_None;
    int versioned;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOO", names, &stream, &max_version, &device, &copy) ||
        wants_versioned(max_version, &versioned) != 0) {
        return NULL;
    }
    if (copy == Py_True) {
        PyErr_SetString(PyExc_BufferError, "a copy is not made here; copy what you got");
        return NULL;
    }
    if (device != Py_None) {
        int type;
        int id;
        if (!PyArg_ParseTuple(device, "ii", &type, &id)) {
            return NULL;
        }
        if (type != dl_of(self)->device.device_type || id != dl_of(self)->device.device_id) {
            PyErr_SetString(PyExc_BufferError, "the tensor is on another device");
            return NULL;
        }
    }
    if (!versioned && is_read_only(self)) {
        PyErr_SetString(PyExc_BufferError,
                        "the tensor is read-only, which only DLPack 1.0 can say; pass max_version=(1, 0)");
        return NULL;
    }
    return export_capsule(self, versioned);
}

static PyObject *tensor_dlpack_device(PyObject *object, PyObject *unused) {
    const lao_tensor_t *tensor = dl_of((tensor_t *)object);
    (void)unused;
    return Py_BuildValue("(ii)", (int)tensor->device.device_type, (int)tensor->device.device_id);
}

/* --- Attributes --- */

static PyObject *tuple_of(const Py_ssize_t *numbers, int32_t count, Py_ssize_t divisor) {
    PyObject *tuple = PyTuple_New(count);
    int32_t index;
    for (index = 0; tuple != NULL && index < count; index++) {
        PyObject *number = PyLong_FromSsize_t(numbers[index] / divisor);
        if (number == NULL || PyTuple_SetItem(tuple, index, number) != 0) {
            Py_DECREF(tuple);
            return NULL;
        }
    }
    return tuple;
}

static PyObject *get_shape(PyObject *object, void *unused) {
    tensor_t *self = (tensor_t *)object;
    (void)unused;
    return tuple_of(self->shape, dl_of(self)->rank, 1);
}

static PyObject *get_strides(PyObject *object, void *unused) {
    tensor_t *self = (tensor_t *)object;
    (void)unused;
    return tuple_of(self->strides, dl_of(self)->rank, self->item_size);
}

static PyObject *get_dtype(PyObject *object, void *unused) {
    (void)unused;
    return PyUnicode_FromString(lao__name_of_dtype(dl_of((tensor_t *)object)->dtype));
}

static PyObject *get_read_only(PyObject *object, void *unused) {
    (void)unused;
    return PyBool_FromLong(is_read_only((tensor_t *)object));
}

static PyObject *get_size_bytes(PyObject *object, void *unused) {
    tensor_t *self = (tensor_t *)object;
    (void)unused;
    return PyLong_FromSsize_t(self->element_count * self->item_size);
}

static PyObject *get_rank(PyObject *object, void *unused) {
    (void)unused;
    return PyLong_FromLong(dl_of((tensor_t *)object)->rank);
}

static Py_ssize_t tensor_length(PyObject *object) {
    tensor_t *self = (tensor_t *)object;
    if (dl_of(self)->rank == 0) {
        PyErr_SetString(PyExc_TypeError, "a tensor of rank 0 has no length");
        return -1;
    }
    return self->shape[0];
}

static PyObject *tensor_repr(PyObject *object) {
    tensor_t *self = (tensor_t *)object;
    PyObject *shape = tuple_of(self->shape, dl_of(self)->rank, 1);
    PyObject *result = shape == NULL ? NULL
                                     : PyUnicode_FromFormat("lao.Tensor(shape=%R, dtype='%s')", shape,
                                                            lao__name_of_dtype(dl_of(self)->dtype));
    Py_XDECREF(shape);
    return result;
}

static PyGetSetDef tensor_attributes[] = {
    {"shape", get_shape, NULL, "Elements per axis.", NULL},
    {"strides", get_strides, NULL, "Elements from one to the next along each axis.", NULL},
    {"dtype", get_dtype, NULL, "Name of the element type, such as 'float32'.", NULL},
    {"readonly", get_read_only, NULL, "True when the memory must not be written.", NULL},
    {"nbytes", get_size_bytes, NULL, "Bytes of all elements.", NULL},
    {"ndim", get_rank, NULL, "Number of axes.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef tensor_methods[] = {
    {"__dlpack__", (PyCFunction)(void (*)(void))tensor_dlpack, METH_VARARGS | METH_KEYWORDS,
     "A DLPack capsule of this memory, without a copy."},
    {"__dlpack_device__", tensor_dlpack_device, METH_NOARGS, "(device_type, device_id) as DLPack numbers them."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot tensor_slots[] = {
    {Py_tp_new, tensor_new},
    {Py_tp_dealloc, tensor_dealloc},
    {Py_tp_repr, tensor_repr},
    {Py_tp_getset, tensor_attributes},
    {Py_tp_methods, tensor_methods},
    {Py_mp_length, tensor_length},
    {Py_bf_getbuffer, get_buffer},
    {Py_tp_doc, "An array in a plugin's memory, as its call returned it.\n\nReleased when the last view is gone, also "
                "after the plugin was closed. numpy.asarray(tensor), memoryview(tensor) and torch.from_dlpack(tensor) "
                "share the memory."},
    {0, NULL},
};

PyType_Spec lao__tensor_spec = {
    .name = "lao.Tensor",
    .basicsize = sizeof(tensor_t),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = tensor_slots,
};
