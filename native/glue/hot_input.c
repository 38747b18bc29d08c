#include "hot.h"

#include <stdlib.h>
#include <string.h>

#include "../core/check.h"
#include "../core/file.h"

void lao__arguments_init(lao__arguments_t *arguments) {
    arguments->has_view = 0;
    arguments->payload = NULL;
    arguments->texts = NULL;
    arguments->file = -1;
    arguments->param_count = 0;
    arguments->params = arguments->few;
    arguments->param_pointers = arguments->few_pointers;
    arguments->param_owners = arguments->few_owners;
    arguments->params_json.text = NULL;
}

void lao__arguments_clear(lao__arguments_t *arguments) {
    uint32_t index;
    if (arguments->has_view) {
        PyBuffer_Release(&arguments->view);
    }
    lao__file_close(arguments->file);
    Py_XDECREF(arguments->payload);
    Py_XDECREF(arguments->texts);
    for (index = 0; index < arguments->param_count; index++) {
        Py_XDECREF(arguments->param_owners[index]);
    }
    if (arguments->params != arguments->few) {
        PyMem_Free(arguments->params);
        PyMem_Free((void *)arguments->param_pointers);
        PyMem_Free(arguments->param_owners);
    }
    free(arguments->params_json.text);
}

/* --- Values --- */

static void begin_value(lao__arguments_t *arguments, uint32_t kind) {
    lao_value_t *value = &arguments->value;
    memset(value, 0, sizeof *value);
    value->struct_size = sizeof *value;
    value->kind = kind;
    value->file_handle = -1;
    arguments->values[0] = value;
}

static int refuse(const char *format, PyObject *subject) {
    lao__error_t error;
    PyObject *text = PyUnicode_FromFormat(format, subject);
    Py_ssize_t size = 0;
    const char *bytes = text != NULL ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
    if (bytes != NULL) {
        lao__fail(&error, LAO_INVALID_INPUT, "%s", bytes);
        lao__raise(&error, LAO_INVALID_INPUT, NULL);
    }
    Py_XDECREF(text);
    return -1;
}

static int set_text(lao__arguments_t *arguments, PyObject *text, uint32_t kind) {
    Py_ssize_t size;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
    if (bytes == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            PyErr_Clear();
            return refuse("the text has a lone surrogate, which UTF-8 cannot carry", NULL);
        }
        return -1;
    }
    begin_value(arguments, kind);
    arguments->value.data = bytes;
    arguments->value.size = (uint64_t)size;
    return 0;
}

static int set_bytes(lao__arguments_t *arguments, PyObject *object, uint32_t kind) {
    if (PyObject_GetBuffer(object, &arguments->view, PyBUF_SIMPLE) != 0) {
        PyErr_Clear();
        return refuse("%R does not give its bytes in one piece", object);
    }
    arguments->has_view = 1;
    begin_value(arguments, kind);
    arguments->value.data = arguments->view.buf;
    arguments->value.size = (uint64_t)arguments->view.len;
    return 0;
}

/* Strides of the buffer protocol are bytes; the ABI's are elements. */
static int set_strides(lao__arguments_t *arguments) {
    const Py_buffer *view = &arguments->view;
    int axis;
    for (axis = 0; axis < view->ndim; axis++) {
        Py_ssize_t stride = view->strides[axis];
        arguments->shape[axis] = view->shape[axis];
        if (stride % view->itemsize != 0 && view->shape[axis] > 1) {
            lao__error_t error;
            lao__fail(&error, LAO_INVALID_INPUT,
                      "axis %d of the array has a stride of %zd bytes, which is no multiple of its %zd-byte elements; "
                      "pass a copy, such as numpy.ascontiguousarray(array)",
                      axis, stride, view->itemsize);
            lao__raise(&error, LAO_INVALID_INPUT, NULL);
            return -1;
        }
        arguments->strides[axis] = stride / view->itemsize;
    }
    return 0;
}

static void set_tensor(lao__arguments_t *arguments, void *data, int32_t rank, lao_dtype_t dtype) {
    lao_managed_tensor_t *managed = &arguments->tensor;
    memset(managed, 0, sizeof *managed);
    managed->dlpack_major = 1;
    managed->flags = LAO_TENSOR_READ_ONLY;
    managed->tensor.data = data;
    managed->tensor.device.device_type = LAO_DEVICE_CPU;
    managed->tensor.rank = rank;
    managed->tensor.dtype = dtype;
    managed->tensor.shape = arguments->shape;
    managed->tensor.strides = arguments->strides;
    arguments->value.tensor = managed;
}

int lao__arguments_set_buffer(lao__arguments_t *arguments, PyObject *object, uint32_t kind) {
    Py_buffer *view = &arguments->view;
    lao_dtype_t dtype;
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | PyBUF_FORMAT) != 0) {
        PyErr_Clear();
        return refuse("%R cannot be read as an array", (PyObject *)Py_TYPE(object));
    }
    arguments->has_view = 1;
    if (!lao__dtype_of_format(view->format, view->itemsize, &dtype)) {
        PyObject *format = PyUnicode_FromString(view->format != NULL ? view->format : "B");
        int result = refuse("an array of the format %R has no dtype that plugins know; convert it, for instance with "
                            "array.astype('float32')",
                            format);
        Py_XDECREF(format);
        return result;
    }
    if (view->ndim > LAO_TENSOR_MAX_RANK) {
        return refuse("the array has more than 32 axes", NULL);
    }
    begin_value(arguments, kind);
    if (set_strides(arguments) != 0) {
        return -1;
    }
    set_tensor(arguments, view->buf, view->ndim, dtype);
    return 0;
}

/* DLPack's capsules: the versioned struct is the ABI's own; the older one lacks the head. */
typedef struct unversioned {
    lao_tensor_t tensor;
    void *manager;
    void (*deleter)(struct unversioned *self);
} unversioned_t;

static void drop_versioned(PyObject *capsule) {
    lao_managed_tensor_t *managed = PyCapsule_GetPointer(capsule, "used_dltensor_versioned");
    if (managed != NULL && managed->deleter != NULL) {
        managed->deleter(managed);
    }
}

static void drop_unversioned(PyObject *capsule) {
    unversioned_t *managed = PyCapsule_GetPointer(capsule, "used_dltensor");
    if (managed != NULL && managed->deleter != NULL) {
        managed->deleter(managed);
    }
}

int lao__arguments_set_capsule(lao__arguments_t *arguments, PyObject *capsule, uint32_t kind) {
    const lao_tensor_t *source = NULL;
    lao__extent_t extent;
    lao__error_t error;
    int32_t axis;
    int64_t step = 1;
    if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        lao_managed_tensor_t *managed = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        if (managed->dlpack_major != 1) {
            return refuse("the array's DLPack version is not 1", NULL);
        }
        source = &managed->tensor;
        PyCapsule_SetName(capsule, "used_dltensor_versioned");
        PyCapsule_SetDestructor(capsule, drop_versioned);
    } else if (PyCapsule_IsValid(capsule, "dltensor")) {
        source = &((unversioned_t *)PyCapsule_GetPointer(capsule, "dltensor"))->tensor;
        PyCapsule_SetName(capsule, "used_dltensor");
        PyCapsule_SetDestructor(capsule, drop_unversioned);
    } else {
        return refuse("%R is no unused DLPack capsule", capsule);
    }
    arguments->payload = Py_NewRef(capsule);
    if (lao__check_layout(source->rank, source->shape, source->strides, source->dtype, &extent, &error) != LAO_OK) {
        lao__raise(&error, LAO_INVALID_INPUT, NULL);
        return -1;
    }
    begin_value(arguments, kind);
    for (axis = source->rank - 1; axis >= 0; axis--) {
        arguments->shape[axis] = source->shape[axis];
        arguments->strides[axis] = source->strides != NULL ? source->strides[axis] : step;
        step *= source->shape[axis] > 0 ? source->shape[axis] : 1;
    }
    set_tensor(arguments, source->data, source->rank, source->dtype);
    arguments->tensor.tensor.device = source->device;
    arguments->tensor.tensor.byte_offset = source->byte_offset;
    return 0;
}

/* --- The slow way: Python says what the value is --- */

static int set_text_of(PyObject *tuple, Py_ssize_t index, const char **text, Py_ssize_t *size) {
    PyObject *item = PyTuple_GetItem(tuple, index);
    *text = NULL;
    if (item == NULL || item == Py_None) {
        return item == NULL ? -1 : 0;
    }
    *text = PyUnicode_AsUTF8AndSize(item, size);
    return *text == NULL ? -1 : 0;
}

static int set_payload(lao__arguments_t *arguments, PyObject *payload, uint32_t kind) {
    if (PyUnicode_Check(payload)) {
        return set_text(arguments, payload, kind);
    }
    if (PyCapsule_CheckExact(payload)) {
        return lao__arguments_set_capsule(arguments, payload, kind);
    }
    if (lao__kind_is_tensor(kind) && !PyBytes_Check(payload)) {
        return lao__arguments_set_buffer(arguments, payload, kind);
    }
    return set_bytes(arguments, payload, kind);
}

static int set_described(lao__arguments_t *arguments, PyObject *described) {
    const char *text;
    Py_ssize_t size = 0;
    uint32_t kind = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GetItem(described, 0));
    PyObject *payload = PyTuple_GetItem(described, 1);
    if (payload == NULL || PyErr_Occurred() || set_payload(arguments, payload, kind) != 0) {
        return -1;
    }
    if (arguments->payload == NULL) {
        arguments->payload = Py_NewRef(payload);
    }
    arguments->texts = Py_NewRef(described);
    arguments->value.sample_rate_hz = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GetItem(described, 2));
    arguments->value.color_space = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GetItem(described, 3));
    arguments->value.channel_order = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GetItem(described, 4));
    if (kind == LAO_KIND_FILE && arguments->value.sample_rate_hz != 0) {
        arguments->value.sample_rate_hz = 0;
        arguments->file = lao__file_open(arguments->value.data);
        arguments->value.file_handle = arguments->file;
    }
    if (PyErr_Occurred() || set_text_of(described, 5, &text, &size) != 0) {
        return -1;
    }
    if (text != NULL && strlen(text) != (size_t)size) {
        return refuse("the media type holds a NUL character", NULL);
    }
    arguments->value.media_type = text;
    if (set_text_of(described, 6, &text, &size) != 0) {
        return -1;
    }
    arguments->value.metadata = text;
    arguments->value.metadata_size = text != NULL ? (uint64_t)size : 0;
    return 0;
}

int lao__arguments_set_input(lao__arguments_t *arguments, PyObject *input, uint32_t kind) {
    PyObject *described;
    PyObject *number;
    int result;
    if (PyUnicode_CheckExact(input) && (kind == LAO_KIND_TEXT || kind == LAO_KIND_ANY)) {
        return set_text(arguments, input, LAO_KIND_TEXT);
    }
    if (PyBytes_CheckExact(input) && (kind == LAO_KIND_BINARY || kind == LAO_KIND_ANY)) {
        return set_bytes(arguments, input, LAO_KIND_BINARY);
    }
    if ((kind == LAO_KIND_TENSOR || kind == LAO_KIND_IMAGE) && PyObject_CheckBuffer(input) && !PyBytes_Check(input) &&
        !PyByteArray_Check(input) && Py_TYPE(input) != lao__python.tensor_type &&
        Py_TYPE(input) != lao__python.described_type) {
        int found = lao__arguments_set_buffer(arguments, input, kind);
        if (found != 0 || kind == LAO_KIND_TENSOR || arguments->view.ndim == 2 || arguments->view.ndim == 3) {
            return found;
        }
        return refuse("an image is [height, width] or [height, width, channels]; this array has another rank", NULL);
    }
    number = PyLong_FromUnsignedLong(kind);
    if (number == NULL) {
        return -1;
    }
    described = PyObject_CallFunctionObjArgs(lao__python.to_native, input, number, NULL);
    Py_DECREF(number);
    if (described == NULL || described == Py_None) {
        Py_XDECREF(described);
        return described == NULL ? -1 : 1; /* 1: the capability takes no input */
    }
    result = PyTuple_Check(described) && PyTuple_Size(described) == 7 ? set_described(arguments, described) : -1;
    if (result != 0 && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "to_native must return a tuple of 7");
    }
    Py_DECREF(described);
    return result;
}
