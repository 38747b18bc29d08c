/* Caller: the base of lao.Plugin, whose `call` and `()` cross into the core once. */
#include "hot.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

#include "../core/clock.h"
#include "glue.h"

typedef struct capability {
    PyObject *name; /* interned */
    uint32_t input_kind;
    uint32_t index; /* in the library's own table: LAO 0.x libraries have one entry behind all names */
    PyObject *prepare; /* (input, params: dict or None) -> the pair to send instead, or it raises; NULL: no checks */
    int prepare_always; /* 0: only a call with parameters has anything to check */
    int streams;        /* its calls go through Python: `_call_in_parts` */
} capability_t;

/* Keeps the way of checked calls out of the other one. */
#define COLD __attribute__((noinline, cold))

/* A target that was replaced; another thread may still be about to call it. */
typedef struct retired {
    lao__target_t *target;
    struct retired *next;
} retired_t;

/* CPython's vectorcallfunc, whose name is in the limited API from 3.12 on. */
typedef PyObject *(*vectorcall_fn)(PyObject *callable, PyObject *const *args, size_t flagged_count, PyObject *names);

typedef struct caller {
    PyObject_HEAD
    vectorcall_fn vectorcall;
    lao__target_t *target;
    capability_t *capabilities;
    Py_ssize_t capability_count;
    int lossy;
    retired_t *retired;
    PyObject *weak_references;
} caller_t;

lao__target_t *lao__caller_target(PyObject *object) {
    caller_t *self = (caller_t *)object;
    if (self->target == NULL) {
        lao__error_t error;
        lao__fail(&error, LAO_CLOSED, "it was closed");
        lao__raise(&error, LAO_CLOSED, object);
    }
    return self->target;
}

lao__target_t *lao__caller_replaced(PyObject *object, const lao__target_t *target) {
    lao__target_t *now = ((caller_t *)object)->target;
    return now != target ? now : NULL;
}

int lao__caller_is_lossy(PyObject *object) { return ((caller_t *)object)->lossy; }

static Py_ssize_t unknown_capability(PyObject *object, PyObject *name) {
    lao__error_t error;
    Py_ssize_t size = 0;
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, &size) : NULL;
    PyErr_Clear();
    lao__fail(&error, LAO_UNKNOWN_CAPABILITY, "%.*s", (int)(size < 256 ? size : 256), text != NULL ? text : "");
    lao__raise(&error, LAO_UNKNOWN_CAPABILITY, object);
    return -1;
}

Py_ssize_t lao__caller_capability(PyObject *object, PyObject *name) {
    const caller_t *self = (const caller_t *)object;
    Py_ssize_t index;
    for (index = 0; index < self->capability_count; index++) {
        if (self->capabilities[index].name == name) { /* literals are interned, as the names are */
            return index;
        }
    }
    if (PyUnicode_Check(name)) {
        for (index = 0; index < self->capability_count; index++) {
            if (PyUnicode_Compare(self->capabilities[index].name, name) == 0) {
                return index;
            }
        }
    }
    return unknown_capability(object, name);
}

/* --- One call --- */

static void begin_call(lao_call_t *call, const caller_t *self, Py_ssize_t capability) {
    memset(call, 0, sizeof *call);
    call->capability = self->capabilities[capability].index;
    call->deadline_ns = lao__glue_get_deadline();
}

static int set_input(lao_call_t *call, lao__arguments_t *arguments, int lossy, uint32_t kind, PyObject *input) {
    int added = lao__arguments_set_input(arguments, input, kind);
    if (added == 0) {
        if (lossy) {
            arguments->value.kind = LAO_KIND_TEXT; /* paths and JSON travel as text there */
        }
        call->inputs = arguments->values;
        call->input_count = 1;
    }
    return added < 0 ? -1 : 0;
}

static int add_input(lao_call_t *call, lao__arguments_t *arguments, const caller_t *self, Py_ssize_t capability,
                     PyObject *input) {
    uint32_t kind = self->capabilities[capability].input_kind;
    if (input == NULL) {
        if (kind == LAO_KIND_NONE) {
            return 0;
        }
        input = Py_None;
    }
    return set_input(call, arguments, self->lossy, kind, input);
}

static int add_params_of(lao__arguments_t *arguments, lao_call_t *call, PyObject *params) {
    Py_ssize_t position = 0;
    PyObject *name;
    PyObject *value;
    if (params == NULL || params == Py_None || PyDict_Size(params) == 0) {
        return 0;
    }
    if (lao__arguments_reserve_params(arguments, (uint32_t)PyDict_Size(params)) != 0) {
        return -1;
    }
    while (PyDict_Next(params, &position, &name, &value)) {
        if (lao__arguments_add_param(arguments, name, value) != 0) {
            return -1;
        }
    }
    lao__arguments_end_params(arguments, call);
    return 0;
}

/* Fills in the input and the parameters after the capability's checks and sanitisers. What they answer is what is sent,
 * so that a value which changes between the check and the call gains nothing. */
COLD static int add_prepared(lao_call_t *call, lao__arguments_t *arguments, const caller_t *self, Py_ssize_t capability,
                             PyObject *input, PyObject *params) {
    uint32_t kind = self->capabilities[capability].input_kind; /* a reload may come while `prepare` runs */
    PyObject *prepare = Py_NewRef(self->capabilities[capability].prepare);
    PyObject *pair =
        PyObject_CallFunctionObjArgs(prepare, input != NULL ? input : Py_None, params != NULL ? params : Py_None, NULL);
    int result = -1;
    Py_DECREF(prepare);
    if (pair != NULL && (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2)) {
        PyErr_SetString(PyExc_TypeError, "prepare must return a tuple of 2");
    } else if (pair != NULL) {
        input = PyTuple_GetItem(pair, 0);
        if (input == Py_None && kind == LAO_KIND_NONE) {
            result = 0;
        } else {
            result = set_input(call, arguments, self->lossy, kind, input);
        }
        if (result == 0) {
            result = add_params_of(arguments, call, PyTuple_GetItem(pair, 1));
        }
        if (result == 0) {
            Py_XDECREF(arguments->texts);
            arguments->texts = Py_NewRef(pair); /* text, media type, metadata and the parameters' names live in it */
        }
    }
    Py_XDECREF(pair);
    return result;
}

static inline int is_checked(const caller_t *self, Py_ssize_t capability, int has_params) {
    const capability_t *row = &self->capabilities[capability];
    return __builtin_expect(row->prepare != NULL, 0) && (row->prepare_always || has_params);
}

/* Runs a prepared call without the GIL and makes its value; `arguments` stay the caller's. */
static PyObject *run(caller_t *self, lao__target_t *target, lao_call_t *call) {
    lao_value_t output;
    lao__error_t error;
    lao_status_t status;
    PyThreadState *thread;
    error.status = LAO_OK;
    thread = PyEval_SaveThread();
    status = lao__target_call(target, call, &output, &error);
    PyEval_RestoreThread(thread);
    if (status == LAO_CLOSED && lao__caller_replaced((PyObject *)self, target) != NULL) {
        return run(self, self->target, call); /* reloaded in the meantime */
    }
    if (status != LAO_OK) {
        return lao__raise(&error, status, (PyObject *)self);
    }
    return lao__output_to_python(&output, (PyObject *)self);
}

/* Named arguments as vectorcall has them (`names` NULL: none), as a dict. */
COLD static PyObject *named(PyObject *const *values, PyObject *names) {
    PyObject *params = PyDict_New();
    Py_ssize_t count = names != NULL ? PyTuple_Size(names) : 0;
    Py_ssize_t index;
    for (index = 0; params != NULL && index < count; index++) {
        if (PyDict_SetItem(params, PyTuple_GetItem(names, index), values[index]) != 0) {
            Py_CLEAR(params);
        }
    }
    return params;
}

/* `add_prepared` with named arguments as vectorcall has them. */
COLD static int add_named(lao_call_t *call, lao__arguments_t *arguments, const caller_t *self, Py_ssize_t capability,
                          PyObject *input, PyObject *const *values, PyObject *names) {
    PyObject *params = named(values, names);
    int result = params != NULL ? add_prepared(call, arguments, self, capability, input, params) : -1;
    Py_XDECREF(params);
    return result;
}

/* Of a capability that takes or gives parts. */
COLD static PyObject *call_in_parts(caller_t *self, Py_ssize_t capability, PyObject *input, PyObject *params) {
    return PyObject_CallMethod((PyObject *)self, "_call_in_parts", "OOOKK", self->capabilities[capability].name,
                               input != NULL ? input : Py_None, params, 0ULL, 0ULL);
}

COLD static PyObject *call_named_in_parts(caller_t *self, Py_ssize_t capability, PyObject *input,
                                          PyObject *const *values, PyObject *names) {
    PyObject *params = named(values, names);
    PyObject *result = params != NULL ? call_in_parts(self, capability, input, params) : NULL;
    Py_XDECREF(params);
    return result;
}

static PyObject *call_with_names(caller_t *self, Py_ssize_t capability, PyObject *input, PyObject *const *values,
                                 PyObject *names) {
    lao__target_t *target = lao__caller_target((PyObject *)self);
    Py_ssize_t count = names != NULL ? PyTuple_Size(names) : 0;
    Py_ssize_t index;
    lao__arguments_t arguments;
    lao_call_t call;
    PyObject *result = NULL;
    int ready;
    if (target == NULL) {
        return NULL;
    }
    if (__builtin_expect(self->capabilities[capability].streams, 0)) {
        return call_named_in_parts(self, capability, input, values, names);
    }
    lao__arguments_init(&arguments);
    begin_call(&call, self, capability);
    if (is_checked(self, capability, count > 0)) {
        ready = add_named(&call, &arguments, self, capability, input, values, names);
    } else {
        ready = add_input(&call, &arguments, self, capability, input);
        if (ready == 0 && count > 0) {
            ready = lao__arguments_reserve_params(&arguments, (uint32_t)count);
            for (index = 0; ready == 0 && index < count; index++) {
                ready = lao__arguments_add_param(&arguments, PyTuple_GetItem(names, index), values[index]);
            }
            lao__arguments_end_params(&arguments, &call);
        }
    }
    if (ready == 0) {
        result = run(self, target, &call);
    }
    lao__arguments_clear(&arguments);
    return result;
}

static PyObject *caller_call(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *names) {
    caller_t *self = (caller_t *)object;
    Py_ssize_t capability;
    if (count < 1 || count > 2) {
        PyErr_Format(PyExc_TypeError, "call() takes a capability and one input, not %zd positional arguments", count);
        return NULL;
    }
    capability = lao__caller_capability(object, args[0]);
    if (capability < 0) {
        return NULL;
    }
    return call_with_names(self, capability, count == 2 ? args[1] : NULL, args + count, names);
}

static PyObject *caller_vectorcall(PyObject *object, PyObject *const *args, size_t flagged_count, PyObject *names) {
    caller_t *self = (caller_t *)object;
    Py_ssize_t count = (Py_ssize_t)(flagged_count & ~((size_t)1 << (8 * sizeof(size_t) - 1)));
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "a plugin takes one input, not %zd; name its parameters", count);
        return NULL;
    }
    if (lao__caller_target(object) == NULL) {
        return NULL;
    }
    return call_with_names(self, 0, count == 1 ? args[0] : NULL, args + count, names);
}

/* --- Calls that are prepared from Python: acall, stream --- */

/* The input and the parameters, checked where the capability says so. */
static inline int add_all(lao_call_t *call, lao__arguments_t *arguments, const caller_t *self, Py_ssize_t capability,
                          PyObject *input, PyObject *params) {
    if (__builtin_expect(self->capabilities[capability].prepare != NULL, 0)) {
        int has_params = params != NULL && params != Py_None && PyDict_Size(params) > 0;
        if (is_checked(self, capability, has_params)) {
            return add_prepared(call, arguments, self, capability, input, params);
        }
    }
    if (add_input(call, arguments, self, capability, input) != 0) {
        return -1;
    }
    return params == NULL ? 0 : add_params_of(arguments, call, params);
}

int lao__caller_prepare(PyObject *object, Py_ssize_t capability, PyObject *input, PyObject *params, lao_call_t *call,
                        lao__arguments_t *arguments) {
    const caller_t *self = (const caller_t *)object;
    lao__arguments_init(arguments);
    begin_call(call, self, capability);
    if (add_all(call, arguments, self, capability, input, params) != 0) {
        lao__arguments_clear(arguments);
        return -1;
    }
    return 0;
}

/* plugin(...) of a subclass: CPython 3.11 hands vectorcall down to none. */
static PyObject *caller_tp_call(PyObject *object, PyObject *args, PyObject *params) {
    caller_t *self = (caller_t *)object;
    lao__target_t *target = lao__caller_target(object);
    Py_ssize_t count = PyTuple_Size(args);
    lao__arguments_t arguments;
    lao_call_t call;
    PyObject *result = NULL;
    if (target == NULL) {
        return NULL;
    }
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "a plugin takes one input, not %zd; name its parameters", count);
        return NULL;
    }
    if (__builtin_expect(self->capabilities[0].streams, 0)) {
        PyObject *named = params != NULL ? Py_NewRef(params) : PyDict_New();
        result = named != NULL ? call_in_parts(self, 0, count == 1 ? PyTuple_GetItem(args, 0) : NULL, named) : NULL;
        Py_XDECREF(named);
        return result;
    }
    lao__arguments_init(&arguments);
    begin_call(&call, self, 0);
    if (add_all(&call, &arguments, self, 0, count == 1 ? PyTuple_GetItem(args, 0) : NULL, params) == 0) {
        result = run(self, target, &call);
    }
    lao__arguments_clear(&arguments);
    return result;
}

/* What a call is made of, where its input may come in parts: `feed` a Feed, or None. Parameters were checked then. */
static int add_all_or_feed(lao_call_t *call, lao__arguments_t *arguments, const caller_t *self, Py_ssize_t capability,
                           PyObject *input, PyObject *params, PyObject *feed) {
    if (feed == Py_None) {
        return add_all(call, arguments, self, capability, input, params);
    }
    if (Py_TYPE(feed) != lao__python.feed_type) {
        PyErr_SetString(PyExc_TypeError, "feed must be a Feed or None");
        return -1;
    }
    call->source = lao__feed_source_of(feed);
    return add_params_of(arguments, call, params);
}

/* _run(capability, input, params: dict | None, token: int, flag_address: int, feed: Feed | None = None) */
static PyObject *caller_run(PyObject *object, PyObject *args) {
    caller_t *self = (caller_t *)object;
    lao__target_t *target;
    lao__arguments_t arguments;
    lao_call_t call;
    PyObject *name;
    PyObject *input;
    PyObject *params;
    PyObject *feed = Py_None;
    PyObject *result = NULL;
    unsigned long long token;
    unsigned long long flag;
    Py_ssize_t capability;
    if (!PyArg_ParseTuple(args, "OOOKK|O", &name, &input, &params, &token, &flag, &feed)) {
        return NULL;
    }
    capability = lao__caller_capability(object, name);
    target = capability >= 0 ? lao__caller_target(object) : NULL;
    if (target == NULL) {
        return NULL;
    }
    lao__arguments_init(&arguments);
    begin_call(&call, self, capability);
    call.token = token;
    call.cancel_flag = (const _Atomic uint32_t *)(uintptr_t)flag;
    if (add_all_or_feed(&call, &arguments, self, capability, input, params, feed) == 0) {
        result = run(self, target, &call);
    }
    lao__arguments_clear(&arguments);
    return result;
}

/* _stream(capability, input, params: dict | None, token: int = 0, feed: Feed | None = None) */
static PyObject *caller_stream(PyObject *object, PyObject *args) {
    caller_t *self = (caller_t *)object;
    lao__target_t *target;
    lao__arguments_t *arguments;
    lao_call_t *call;
    PyObject *name;
    PyObject *input;
    PyObject *params;
    PyObject *feed = Py_None;
    PyObject *kept;
    unsigned long long token = 0;
    Py_ssize_t capability;
    if (!PyArg_ParseTuple(args, "OOO|KO", &name, &input, &params, &token, &feed)) {
        return NULL;
    }
    capability = lao__caller_capability(object, name);
    target = capability >= 0 ? lao__caller_target(object) : NULL;
    if (target == NULL) {
        return NULL;
    }
    arguments = PyMem_Malloc(sizeof *arguments);
    call = PyMem_Malloc(sizeof *call);
    if (arguments == NULL || call == NULL) {
        PyMem_Free(arguments);
        PyMem_Free(call);
        return PyErr_NoMemory();
    }
    lao__arguments_init(arguments);
    begin_call(call, self, capability);
    call->token = token;
    if (add_all_or_feed(call, arguments, self, capability, input, params, feed) != 0) {
        lao__arguments_clear(arguments);
        PyMem_Free(arguments);
        PyMem_Free(call);
        return NULL;
    }
    /* The call outlives this frame, and so must the text and the parameters' names. */
    if (arguments->payload == NULL && !arguments->has_view) {
        arguments->payload = Py_NewRef(input);
    }
    kept = PyTuple_Pack(3, params, arguments->texts != NULL ? arguments->texts : Py_None, feed);
    if (kept == NULL) {
        lao__arguments_clear(arguments);
        PyMem_Free(arguments);
        PyMem_Free(call);
        return NULL;
    }
    Py_XDECREF(arguments->texts);
    arguments->texts = kept;
    return lao__stream_new(object, target, call, arguments);
}

/* --- Life cycle --- */

static void drop_capabilities(capability_t *capabilities, Py_ssize_t count) {
    Py_ssize_t index;
    for (index = 0; index < count; index++) {
        Py_DECREF(capabilities[index].name);
        Py_XDECREF(capabilities[index].prepare);
    }
    PyMem_Free(capabilities);
}

static capability_t *read_capabilities(PyObject *rows, Py_ssize_t count) {
    capability_t *capabilities = PyMem_Calloc((size_t)count, sizeof *capabilities);
    Py_ssize_t index;
    for (index = 0; capabilities != NULL && index < count; index++) {
        PyObject *name;
        PyObject *prepare;
        if (!PyArg_ParseTuple(PyTuple_GetItem(rows, index), "UIIOpp", &name, &capabilities[index].input_kind,
                              &capabilities[index].index, &prepare, &capabilities[index].prepare_always,
                              &capabilities[index].streams)) {
            drop_capabilities(capabilities, index);
            return NULL;
        }
        capabilities[index].prepare = prepare != Py_None ? Py_NewRef(prepare) : NULL;
        Py_INCREF(name);
        PyUnicode_InternInPlace(&name);
        capabilities[index].name = name;
    }
    return capabilities;
}

/* _attach(target_address, ((name, input_kind, index, prepare or None, always, streams), ...), lossy): from now on calls go to this target, which is taken
 * over. One that was attached before finishes its calls; `_drain` ends it. */
static PyObject *caller_attach(PyObject *object, PyObject *args) {
    caller_t *self = (caller_t *)object;
    lao__target_t *before = self->target;
    unsigned long long address;
    PyObject *rows;
    Py_ssize_t count;
    int lossy;
    capability_t *capabilities;
    retired_t *retired;
    if (!PyArg_ParseTuple(args, "KOp", &address, &rows, &lossy)) {
        return NULL;
    }
    count = PyTuple_Size(rows);
    if (count < 1) {
        PyErr_SetString(PyExc_ValueError, "a plugin has at least one capability");
        return NULL;
    }
    retired = PyMem_Malloc(sizeof *retired);
    capabilities = retired != NULL ? read_capabilities(rows, count) : NULL;
    if (capabilities == NULL) {
        PyMem_Free(retired);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    drop_capabilities(self->capabilities, self->capability_count);
    self->capabilities = capabilities;
    self->capability_count = count;
    self->lossy = lossy;
    self->target = (lao__target_t *)(uintptr_t)address;
    if (before == NULL) {
        PyMem_Free(retired);
        return Py_NewRef(Py_None);
    }
    retired->target = before;
    retired->next = self->retired;
    self->retired = retired;
    return Py_NewRef(Py_None);
}

/* _uncheck(): calls go to the plugin as they are, until the next `_attach`. For tests of what a plugin refuses itself. */
static PyObject *caller_uncheck(PyObject *object, PyObject *unused) {
    caller_t *self = (caller_t *)object;
    Py_ssize_t index;
    (void)unused;
    for (index = 0; index < self->capability_count; index++) {
        Py_CLEAR(self->capabilities[index].prepare);
    }
    return Py_NewRef(Py_None);
}

/* _drain(): waits until targets that were replaced have finished their calls, and ends them. */
static PyObject *caller_drain(PyObject *object, PyObject *unused) {
    retired_t *retired = ((caller_t *)object)->retired; /* only ever grows at its head */
    (void)unused;
    Py_BEGIN_ALLOW_THREADS
    for (; retired != NULL; retired = retired->next) {
        lao__target_drain(retired->target);
    }
    Py_END_ALLOW_THREADS
    return Py_NewRef(Py_None);
}

static PyObject *caller_close(PyObject *object, PyObject *unused) {
    lao__target_t *target = ((caller_t *)object)->target;
    (void)unused;
    if (target != NULL) {
        Py_BEGIN_ALLOW_THREADS
        lao__target_close(target); /* freed with the object: another thread may be about to call */
        Py_END_ALLOW_THREADS
    }
    return Py_NewRef(Py_None);
}

static PyObject *caller_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    caller_t *self = (caller_t *)allocate(type, 0);
    (void)args;
    (void)kwargs;
    if (self != NULL) {
        self->vectorcall = caller_vectorcall;
    }
    return (PyObject *)self;
}

static void destroy_targets(caller_t *self) {
    lao__target_t *target = self->target;
    retired_t *retired = self->retired;
    self->target = NULL;
    self->retired = NULL;
    Py_BEGIN_ALLOW_THREADS
    if (target != NULL) {
        lao__target_destroy(target);
    }
    for (retired_t *one = retired; one != NULL; one = one->next) {
        lao__target_destroy(one->target);
    }
    Py_END_ALLOW_THREADS
    while (retired != NULL) {
        retired_t *next = retired->next;
        PyMem_Free(retired);
        retired = next;
    }
}

static void caller_dealloc(PyObject *object) {
    caller_t *self = (caller_t *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    if (self->weak_references != NULL) {
        PyObject_ClearWeakRefs(object);
    }
    destroy_targets(self);
    drop_capabilities(self->capabilities, self->capability_count);
    release(object);
    Py_DECREF(type);
}

static PyMethodDef caller_methods[] = {
    {"call", (PyCFunction)(void (*)(void))caller_call, METH_FASTCALL | METH_KEYWORDS,
     "call($self, capability, input=None, /, **params)\n--\n\nRun one capability and return its output."},
    {"_run", caller_run, METH_VARARGS, NULL},
    {"_run_batch", lao__caller_run_batch, METH_VARARGS, NULL},
    {"_stream", caller_stream, METH_VARARGS, NULL},
    {"_attach", caller_attach, METH_VARARGS, NULL},
    {"_uncheck", caller_uncheck, METH_NOARGS, NULL},
    {"_drain", caller_drain, METH_NOARGS, NULL},
    {"_close", caller_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef caller_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(caller_t, vectorcall), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(caller_t, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot caller_slots[] = {
    {Py_tp_new, caller_new},
    {Py_tp_dealloc, caller_dealloc},
    {Py_tp_call, caller_tp_call},
    {Py_tp_methods, caller_methods},
    {Py_tp_members, caller_members},
    {Py_tp_doc, "What can be called: the native part of lao.Plugin."},
    {0, NULL},
};

/* Py_TPFLAGS_HAVE_VECTORCALL: the same bit in every CPython since 3.8; its name is in the limited API from 3.12 on. */
#define HAVE_VECTORCALL (1UL << 11)

PyType_Spec lao__caller_spec = {
    .name = "lao._native._hot.Caller",
    .basicsize = sizeof(caller_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | HAVE_VECTORCALL,
    .slots = caller_slots,
};
