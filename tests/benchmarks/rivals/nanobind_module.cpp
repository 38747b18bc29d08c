// nanobind, as its manual shows it.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <string>
#include <string_view>

#include "echo.h"

namespace nb = nanobind;

NB_MODULE(rival_nanobind, module) {
    module.def("echo_str", [](std::string_view text) {
        char *buffer;
        {
            nb::gil_scoped_release released;
            buffer = rival_buffer(text.size());
            std::memcpy(buffer, text.data(), text.size());
        }
        return nb::str(buffer, text.size());
    });
    module.def("echo_bytes", [](nb::bytes bytes) {
        char *buffer;
        {
            nb::gil_scoped_release released;
            buffer = rival_buffer(bytes.size());
            std::memcpy(buffer, bytes.c_str(), bytes.size());
        }
        return nb::bytes(buffer, bytes.size());
    });
    module.def("look", [](nb::ndarray<nb::ro> array) {
        nb::gil_scoped_release released;
        return std::to_string(array.shape(0));
    });
}
