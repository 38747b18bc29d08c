#include "hot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(lao__text_buffer_t *buffer, const unsigned char *bytes, size_t size) {
    size_t at;
    lao__text_add(buffer, "\"", 1);
    for (at = 0; at < size; at += 3) {
        size_t left = size - at;
        uint32_t group = (uint32_t)bytes[at] << 16 | (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) |
                         (left > 2 ? (uint32_t)bytes[at + 2] : 0);
        char digits[4] = {base64_digits[group >> 18], base64_digits[group >> 12 & 63],
                          left > 1 ? base64_digits[group >> 6 & 63] : '=', left > 2 ? base64_digits[group & 63] : '='};
        lao__text_add(buffer, digits, 4);
    }
    lao__text_add(buffer, "\"", 1);
}

int lao__arguments_reserve_params(lao__arguments_t *arguments, uint32_t count) {
    memset(&arguments->params_json, 0, sizeof arguments->params_json);
    if (count > LAO__FEW_PARAMS) {
        lao_param_t *params = PyMem_Calloc(count, sizeof *params);
        const lao_param_t **pointers = PyMem_Calloc(count, sizeof *pointers);
        PyObject **owners = PyMem_Calloc(count, sizeof *owners);
        if (params == NULL || pointers == NULL || owners == NULL) {
            PyMem_Free(params);
            PyMem_Free((void *)pointers);
            PyMem_Free(owners);
            PyErr_NoMemory();
            return -1;
        }
        arguments->params = params;
        arguments->param_pointers = pointers;
        arguments->param_owners = owners;
    }
    lao__text_add_string(&arguments->params_json, "{");
    return 0;
}

static int refuse_param(const char *name, const char *problem) {
    lao__error_t error;
    lao__fail(&error, LAO_INVALID_PARAMETER, "the parameter `%s` %s", name, problem);
    lao__raise(&error, LAO_INVALID_PARAMETER, NULL);
    return -1;
}

static int set_number(lao_param_t *param, PyObject *value, lao__text_buffer_t *json) {
    char *digits;
    param->type = LAO_PARAM_DOUBLE;
    param->number = PyFloat_AsDouble(value);
    if (!isfinite(param->number)) {
        return refuse_param(param->name, "is not a finite number");
    }
    digits = PyOS_double_to_string(param->number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (digits == NULL) {
        return -1;
    }
    lao__text_add_string(json, digits);
    PyMem_Free(digits);
    return 0;
}

static int set_integer(lao_param_t *param, PyObject *value, lao__text_buffer_t *json) {
    int overflow;
    char digits[24];
    param->type = LAO_PARAM_INT;
    param->integer = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow != 0) {
        return refuse_param(param->name, "does not fit into 64 bits");
    }
    if (param->integer == -1 && PyErr_Occurred()) {
        return -1;
    }
    snprintf(digits, sizeof digits, "%lld", (long long)param->integer);
    lao__text_add_string(json, digits);
    param->number = (double)param->integer;
    return 0;
}

static int set_data(lao_param_t *param, uint32_t type, const char *data, Py_ssize_t size) {
    param->type = type;
    param->data = data;
    param->size = (uint64_t)size;
    return 0;
}

static int set_text_param(lao_param_t *param, PyObject *value, lao__text_buffer_t *json) {
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (text == NULL) {
        PyErr_Clear();
        return refuse_param(param->name, "has a lone surrogate, which UTF-8 cannot carry");
    }
    lao__text_add_json(json, text, (size_t)size);
    return set_data(param, LAO_PARAM_TEXT, text, size);
}

/* Lists, dicts, None and whatever else Python can say as JSON. The text is kept until the call ends. */
static int set_json(lao_param_t *param, PyObject *value, lao__text_buffer_t *json, PyObject **owner) {
    PyObject *text = PyObject_CallFunctionObjArgs(lao__python.param_to_json, value, NULL);
    const char *bytes;
    Py_ssize_t size;
    if (text == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError) || PyErr_ExceptionMatches(PyExc_ValueError)) {
            PyErr_Clear();
            return refuse_param(param->name, "is of a type that has no JSON form");
        }
        return -1;
    }
    bytes = PyUnicode_AsUTF8AndSize(text, &size);
    if (bytes == NULL) {
        Py_DECREF(text);
        return -1;
    }
    Py_XDECREF(*owner);
    *owner = text;
    lao__text_add(json, bytes, (size_t)size);
    return set_data(param, LAO_PARAM_JSON, bytes, size);
}

/* Numbers of other libraries, such as numpy.int64 and numpy.float32. */
static int set_converted(lao_param_t *param, PyObject *number,
                         int (*set)(lao_param_t *param, PyObject *value, lao__text_buffer_t *json),
                         lao__text_buffer_t *json) {
    int result;
    if (number == NULL) {
        PyErr_Clear();
        return refuse_param(param->name, "cannot be read as a number");
    }
    result = set(param, number, json);
    Py_DECREF(number);
    return result;
}

int lao__arguments_add_param(lao__arguments_t *arguments, PyObject *name, PyObject *value) {
    uint32_t index = arguments->param_count;
    lao_param_t *param = &arguments->params[index];
    lao__text_buffer_t *json = &arguments->params_json;
    Py_ssize_t size;
    memset(param, 0, sizeof *param);
    param->struct_size = sizeof *param;
    param->name = PyUnicode_AsUTF8AndSize(name, &size);
    if (param->name == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            return -1;
        }
        PyErr_Clear();
        return refuse_param("?", "has a lone surrogate in its name, which UTF-8 cannot carry");
    }
    if (strlen(param->name) != (size_t)size) { /* the plugin would read the name up to there: another parameter */
        return refuse_param(param->name, "has a NUL character behind its name");
    }
    arguments->param_pointers[index] = param;
    arguments->param_owners[index] = Py_NewRef(value);
    arguments->param_count++;
    if (index > 0) {
        lao__text_add(json, ",", 1);
    }
    lao__text_add_json(json, param->name, (size_t)size);
    lao__text_add(json, ":", 1);
    if (PyBool_Check(value)) {
        param->type = LAO_PARAM_BOOL;
        param->integer = value == Py_True;
        lao__text_add_string(json, value == Py_True ? "true" : "false");
        return 0;
    }
    if (PyLong_Check(value)) {
        return set_integer(param, value, json);
    }
    if (PyFloat_Check(value)) {
        return set_number(param, value, json);
    }
    if (PyUnicode_Check(value)) {
        return set_text_param(param, value, json);
    }
    if (PyBytes_Check(value)) {
        char *bytes;
        PyBytes_AsStringAndSize(value, &bytes, &size);
        add_base64(json, (const unsigned char *)bytes, (size_t)size);
        return set_data(param, LAO_PARAM_BYTES, bytes, size);
    }
    if (PyIndex_Check(value)) {
        return set_converted(param, PyNumber_Index(value), set_integer, json);
    }
    if (PyObject_HasAttrString(value, "__float__")) {
        return set_converted(param, PyNumber_Float(value), set_number, json);
    }
    return set_json(param, value, json, &arguments->param_owners[index]);
}

void lao__arguments_end_params(lao__arguments_t *arguments, lao_call_t *call) {
    lao__text_add_string(&arguments->params_json, "}");
    call->param_count = arguments->param_count;
    call->params = arguments->param_pointers;
    call->params_json = arguments->params_json.text;
    call->params_json_size = arguments->params_json.size;
}
