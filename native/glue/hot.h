/* The C types behind `lao._native._hot`: one crossing per call, against CPython's limited API. */
#ifndef LAO_GLUE_HOT_H
#define LAO_GLUE_HOT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../core/target.h"
#include "../core/text_buffer.h"

/* --- What Python lends to C: set once by `setup` --- */

typedef struct lao__python {
    PyObject *make_error;   /* (status, text: bytes, signal, exit_code, caller) -> exception */
    PyObject *to_native; /* (value, kind) -> (kind, payload, sample_rate, color_space, channel_order, media, meta) */
    PyObject *
        from_native; /* (caller, Tensor | bytes | str, kind, sample_rate, color_space, channel_order, media_type, metadata) */
    PyObject *param_to_json; /* (value) -> str */
    PyTypeObject *tensor_type;
    PyTypeObject *described_type; /* arrays whose facts to_native has to see; NULL: there are none yet */
    PyTypeObject *stream_type;
    PyTypeObject *caller_type;
    PyTypeObject *shared_type;
    PyTypeObject *feed_type;
} lao__python_t;

extern lao__python_t lao__python;

/* --- Inputs --- */

#define LAO__FEW_PARAMS 8u

/* Everything that a call's input and parameters borrow from Python while it runs. */
typedef struct lao__arguments {
    lao_value_t value;
    lao_value_t *values[1];
    lao_managed_tensor_t tensor;
    int64_t shape[LAO_TENSOR_MAX_RANK];
    int64_t strides[LAO_TENSOR_MAX_RANK];
    Py_buffer view; /* held while `has_view` */
    int has_view;
    PyObject *payload; /* keeps what `value` points into; may be NULL */
    PyObject *texts; /* keeps media type and metadata, or all that a check made; may be NULL */
    int64_t file; /* opened for the plugin; -1: none */
    uint32_t param_count;
    lao_param_t *params; /* `few` unless there are many */
    const lao_param_t **param_pointers;
    PyObject **param_owners;
    lao_param_t few[LAO__FEW_PARAMS];
    const lao_param_t *few_pointers[LAO__FEW_PARAMS];
    PyObject *few_owners[LAO__FEW_PARAMS];
    lao__text_buffer_t params_json;
} lao__arguments_t;

/* Fills the fields that must not be left as they are; cheap. */
void lao__arguments_init(lao__arguments_t *arguments);
void lao__arguments_clear(lao__arguments_t *arguments);

/* Converts an input for a capability that takes `kind`. `input` NULL: none. -1 with an exception set. */
int lao__arguments_set_input(lao__arguments_t *arguments, PyObject *input, uint32_t kind);

/* Makes room for `count` parameters, then sets them one by one, then ends the list. -1 with an exception set. */
int lao__arguments_reserve_params(lao__arguments_t *arguments, uint32_t count);
int lao__arguments_add_param(lao__arguments_t *arguments, PyObject *name, PyObject *value);
void lao__arguments_end_params(lao__arguments_t *arguments, lao_call_t *call);

/* Fills `value`'s tensor from an object with the buffer protocol, or from a DLPack capsule. */
int lao__arguments_set_buffer(lao__arguments_t *arguments, PyObject *object, uint32_t kind);
int lao__arguments_set_capsule(lao__arguments_t *arguments, PyObject *capsule, uint32_t kind);

/* What a call takes its parts from; `feed` is a Feed. */
lao__source_t *lao__feed_source_of(PyObject *feed);

/* --- Outputs --- */

/* Makes a Python value of an output of `caller`'s and takes it over, also on failure. Text that is not UTF-8 is repaired
 * for LAO 0.x and refused otherwise. */
PyObject *lao__output_to_python(lao_value_t *output, PyObject *caller);

/* A lao.Tensor that owns the output. */
PyObject *lao__tensor_new(lao_value_t *output);

/* Raises the exception of a failed call; returns NULL. */
PyObject *lao__raise(const lao__error_t *error, lao_status_t status, PyObject *caller);

/* --- Types --- */

extern PyType_Spec lao__tensor_spec;
extern PyType_Spec lao__caller_spec;
extern PyType_Spec lao__stream_spec;
extern PyType_Spec lao__feed_spec;
extern PyType_Spec lao__shared_spec;

/* The target of a Caller, or NULL with PluginClosed raised. */
lao__target_t *lao__caller_target(PyObject *caller);
int lao__caller_is_lossy(PyObject *caller);

/* The target that has taken the place of that one, which was closed; NULL: none has. */
lao__target_t *lao__caller_replaced(PyObject *caller, const lao__target_t *target);

/* What one request is made of, checked where the capability says so; `params` a dict, None or NULL. -1 with an exception
 * set and nothing to clear; else `arguments` are to be cleared when the call is over. */
int lao__caller_prepare(PyObject *caller, Py_ssize_t capability, PyObject *input, PyObject *params, lao_call_t *call,
                        lao__arguments_t *arguments);

/* _run_batch(capability, inputs: list, params: dict | None, token: int, flag_address: int) -> a list: for each input its
 * output or an exception; it ends early, with an exception, at an input that cannot be sent. */
PyObject *lao__caller_run_batch(PyObject *caller, PyObject *args);

/* Starts a stream: `call` and `arguments` (from PyMem_Malloc) are taken over. */
PyObject *lao__stream_new(PyObject *caller, lao__target_t *target, lao_call_t *call, lao__arguments_t *arguments);

/* Index of a capability by name, or -1 with an exception set. */
Py_ssize_t lao__caller_capability(PyObject *caller, PyObject *name);

/* The dtype of one buffer-protocol format character, with the item size it implies; 0 when there is none. */
int lao__dtype_of_format(const char *format, Py_ssize_t item_size, lao_dtype_t *dtype);

/* The format character of a dtype, or NULL when the buffer protocol has none. */
const char *lao__format_of_dtype(lao_dtype_t dtype);

/* "float32" and the like. */
const char *lao__name_of_dtype(lao_dtype_t dtype);

#endif
