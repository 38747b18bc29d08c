/* The module `lao._native._hot`. */
#include "hot.h"

static PyObject *setup(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *make_error;
    PyObject *to_native;
    PyObject *from_native;
    PyObject *param_to_json;
    if (!PyArg_ParseTuple(args, "OOOO", &make_error, &to_native, &from_native, &param_to_json)) {
        return NULL;
    }
    lao__python.make_error = Py_NewRef(make_error);
    lao__python.to_native = Py_NewRef(to_native);
    lao__python.from_native = Py_NewRef(from_native);
    lao__python.param_to_json = Py_NewRef(param_to_json);
    return Py_NewRef(Py_None);
}

static PyObject *takes_description(PyObject *module, PyObject *type) {
    (void)module;
    if (!PyType_Check(type)) {
        PyErr_SetString(PyExc_TypeError, "a type is needed");
        return NULL;
    }
    lao__python.described_type = (PyTypeObject *)Py_NewRef(type);
    return Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    {"takes_description", takes_description, METH_O,
     "takes_description(type): arrays of this type go through to_native, which sees what they say of themselves."},
    {"setup", setup, METH_VARARGS, "setup(make_error, to_native, from_native, param_to_json): once, before any call."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_hot", "The native types that calls go through.", -1, functions, NULL, NULL, NULL, NULL,
};

static int add_type(PyObject *module, PyType_Spec *spec, const char *name, PyTypeObject **type) {
    *type = (PyTypeObject *)PyType_FromSpec(spec);
    return *type == NULL ? -1 : PyModule_AddObjectRef(module, name, (PyObject *)*type);
}

PyMODINIT_FUNC PyInit__hot(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || add_type(module, &lao__caller_spec, "Caller", &lao__python.caller_type) != 0 ||
        add_type(module, &lao__tensor_spec, "Tensor", &lao__python.tensor_type) != 0 ||
        add_type(module, &lao__stream_spec, "Stream", &lao__python.stream_type) != 0 ||
        add_type(module, &lao__feed_spec, "Feed", &lao__python.feed_type) != 0 ||
        add_type(module, &lao__shared_spec, "SharedMemory", &lao__python.shared_type) != 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
