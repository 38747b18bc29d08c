#include "runtime.hpp"

#include <lao/lao.hpp>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace {

// The host has loaded it, or shows where it is: the manifest asks for the runtime `onnx`.
#ifdef _WIN32
constexpr const char *library_name = "onnxruntime.dll";
#elif defined(__APPLE__)
constexpr const char *library_name = "libonnxruntime.1.dylib";
#else
constexpr const char *library_name = "libonnxruntime.so.1";
#endif

[[noreturn]] void unusable(const std::string &reason) {
    throw lao::Failed("ONNX Runtime cannot be used: " + reason + "; `pip install onnxruntime` brings one");
}

const ort::Base *base() {
    using GetBase = const ort::Base *(ORT_CALL *)();
#ifdef _WIN32
    HMODULE library = LoadLibraryA(library_name);
    void *symbol = library != nullptr ? reinterpret_cast<void *>(GetProcAddress(library, "OrtGetApiBase")) : nullptr;
    const std::string reason = std::string(library_name) + " does not load";
#else
    void *library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != nullptr ? dlsym(library, "OrtGetApiBase") : nullptr;
    const char *said = symbol == nullptr ? dlerror() : nullptr;
    const std::string reason = said != nullptr ? said : library_name;
#endif
    if (symbol == nullptr) {
        unusable(reason);
    }
    return reinterpret_cast<GetBase>(symbol)();
}

} // namespace

const char *provider_name(Provider provider) {
    return provider == Provider::cuda ? "CUDAExecutionProvider" : "CPUExecutionProvider";
}

Runtime::Runtime() {
    const ort::Base *found = base();
    table_ = static_cast<void *const *>(found->get_api(ort::version));
    if (table_ == nullptr) {
        unusable(std::string("version ") + found->get_version() + " is too old, 1." + std::to_string(ort::version) +
                 " or later is needed");
    }
    try {
        constexpr int fatal_only = 4, device_allocator = 0, default_memory = 0;
        call<ort::CreateEnv>(fatal_only, "lao", &env_);
        call<ort::CreateCpuMemoryInfo>(device_allocator, default_memory, &memory_);
        call<ort::GetAllocatorWithDefaultOptions>(&allocator_);
    } catch (const RuntimeError &error) {
        unusable(error.what());
    }
}

const Runtime &Runtime::get() {
    static const Runtime *const made = new Runtime(); // never destroyed: outputs may outlive instances
    return *made;
}

void Runtime::check(ort::Status *status) const {
    if (status != nullptr) {
        const std::string reason = function<ort::GetErrorMessage>()(status);
        function<ort::ReleaseStatus>()(status);
        throw RuntimeError(reason);
    }
}

std::string Runtime::take(char *text) const {
    const std::string copy = text != nullptr ? text : "";
    if (text != nullptr) {
        call<ort::AllocatorFree>(allocator_, static_cast<void *>(text));
    }
    return copy;
}

std::vector<Provider> Runtime::providers(const std::string &wanted) const {
    if (wanted == "cpu") {
        return {Provider::cpu};
    }
    if (wanted == "cuda") {
        return {Provider::cuda};
    }
    char **names = nullptr;
    int count = 0;
    call<ort::GetAvailableProviders>(&names, &count);
    bool cuda = false;
    for (int i = 0; i < count; i++) {
        cuda = cuda || std::string(names[i]) == provider_name(Provider::cuda);
    }
    call<ort::ReleaseAvailableProviders>(names, count);
    return cuda ? std::vector<Provider>{Provider::cuda, Provider::cpu} : std::vector<Provider>{Provider::cpu};
}
