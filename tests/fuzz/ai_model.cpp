// The named arrays that the template `ai-model` reads, for test_ai_model.py.
#include "fed.hpp"
#include "named_tensors.hpp"

static void read(const std::string &data) {
    try {
        const auto tensors = read_named_tensors(data);
        std::size_t elements = 0;
        for (const NamedTensor &tensor : tensors) {
            std::size_t size = element_size_of(tensor.dtype);
            for (const std::int64_t length : tensor.shape) {
                size *= static_cast<std::size_t>(length);
            }
            require(size == tensor.bytes.size(), "an array has other bytes than its shape says");
            elements += size;
        }
        require(elements <= data.size(), "arrays share bytes");
        const auto written = write_named_tensors(tensors);
        const auto again = read_named_tensors({reinterpret_cast<const char *>(written.data()), written.size()});
        require(again.size() == tensors.size(), "what was written is something else when it is read");
    } catch (const lao::InvalidInput &) {
    }
}
