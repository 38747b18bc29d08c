/* Batches: several requests of one capability in one call, for plugin.map. */
#include "hot.h"

#include <string.h>

typedef struct batch {
    lao__batch_t native;
    uint32_t ready; /* elements whose arguments are there */
    lao__arguments_t *arguments;
    lao_call_t *calls; /* of each element; the first one carries the batch */
    lao_value_t **inputs;
} batch_t;

static void batch_clear(batch_t *batch) {
    uint32_t index;
    for (index = 0; index < batch->ready; index++) {
        lao__arguments_clear(&batch->arguments[index]);
    }
    PyMem_Free(batch->arguments);
    PyMem_Free(batch->calls);
    PyMem_Free(batch->inputs);
    PyMem_Free(batch->native.outputs);
    PyMem_Free(batch->native.statuses);
    PyMem_Free(batch->native.errors);
}

static int batch_init(batch_t *batch, Py_ssize_t count) {
    size_t many = count > 0 ? (size_t)count : 1;
    memset(batch, 0, sizeof *batch);
    batch->arguments = PyMem_Malloc(many * sizeof *batch->arguments);
    batch->calls = PyMem_Malloc(many * sizeof *batch->calls);
    batch->inputs = PyMem_Malloc(many * sizeof *batch->inputs);
    batch->native.outputs = PyMem_Malloc(many * sizeof *batch->native.outputs);
    batch->native.statuses = PyMem_Malloc(many * sizeof *batch->native.statuses);
    batch->native.errors = PyMem_Malloc(many * sizeof *batch->native.errors);
    if (batch->arguments == NULL || batch->calls == NULL || batch->inputs == NULL || batch->native.outputs == NULL ||
        batch->native.statuses == NULL || batch->native.errors == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* Prepares the elements up to the first that cannot be sent; 0 when all can. */
static int batch_fill(batch_t *batch, PyObject *caller, Py_ssize_t capability, PyObject *inputs, PyObject *params) {
    Py_ssize_t count = PyList_Size(inputs);
    while ((Py_ssize_t)batch->ready < count && (Py_ssize_t)batch->ready < PyList_Size(inputs)) {
        uint32_t index = batch->ready;
        PyObject *input = PyList_GetItem(inputs, (Py_ssize_t)index);
        int added;
        Py_INCREF(input);
        added = lao__caller_prepare(caller, capability, input, params, &batch->calls[index], &batch->arguments[index]);
        Py_DECREF(input);
        if (added != 0) {
            return -1;
        }
        if (batch->calls[index].input_count != 1) {
            PyErr_SetString(PyExc_TypeError, "a batch needs a capability that takes an input");
            lao__arguments_clear(&batch->arguments[index]);
            return -1;
        }
        batch->inputs[index] = batch->calls[index].inputs[0];
        batch->ready++;
    }
    return 0;
}

/* The exception that is set, as a value. */
static PyObject *take_exception(void) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

/* Takes all outputs over: a list of values, and of exceptions for the elements that failed. */
static PyObject *batch_results(batch_t *batch, PyObject *self) {
    PyObject *results = PyList_New(0);
    uint32_t index;
    for (index = 0; index < batch->native.count; index++) {
        PyObject *one = batch->native.statuses[index] == LAO_OK
                            ? lao__output_to_python(&batch->native.outputs[index], self)
                            : lao__raise(&batch->native.errors[index], batch->native.statuses[index], self);
        if (one == NULL) {
            one = take_exception();
        }
        if (results != NULL && (one == NULL || PyList_Append(results, one) != 0)) {
            Py_CLEAR(results);
        }
        Py_XDECREF(one);
    }
    return results;
}

static PyObject *batch_run(batch_t *batch, PyObject *caller, lao__target_t *target) {
    lao_call_t *call = &batch->calls[0];
    lao__error_t error;
    lao_status_t status;
    PyThreadState *thread;
    batch->native.count = batch->ready;
    batch->native.inputs = batch->inputs;
    call->batch = &batch->native;
    error.status = LAO_OK;
    thread = PyEval_SaveThread();
    status = lao__target_call(target, call, NULL, &error);
    PyEval_RestoreThread(thread);
    target = status == LAO_CLOSED ? lao__caller_replaced(caller, target) : NULL;
    if (target != NULL) {
        return batch_run(batch, caller, target); /* reloaded in the meantime */
    }
    return status == LAO_OK ? batch_results(batch, caller) : lao__raise(&error, status, caller);
}

PyObject *lao__caller_run_batch(PyObject *object, PyObject *args) {
    lao__target_t *target;
    batch_t batch;
    PyObject *name, *inputs, *params;
    PyObject *refused = NULL;
    PyObject *results = NULL;
    unsigned long long token, flag;
    Py_ssize_t capability;
    if (!PyArg_ParseTuple(args, "OO!OKK", &name, &PyList_Type, &inputs, &params, &token, &flag)) {
        return NULL;
    }
    capability = lao__caller_capability(object, name);
    target = capability >= 0 ? lao__caller_target(object) : NULL;
    if (target == NULL) {
        return NULL;
    }
    if (batch_init(&batch, PyList_Size(inputs)) == 0) {
        if (batch_fill(&batch, object, capability, inputs, params) != 0) {
            refused = take_exception();
        }
        if (batch.ready > 0) {
            batch.calls[0].token = token;
            batch.calls[0].cancel_flag = (const _Atomic uint32_t *)(uintptr_t)flag;
            results = batch_run(&batch, object, target);
        } else {
            results = PyList_New(0);
        }
    }
    if (results != NULL && refused != NULL && PyList_Append(results, refused) != 0) {
        Py_CLEAR(results);
    }
    Py_XDECREF(refused);
    batch_clear(&batch);
    return results;
}
