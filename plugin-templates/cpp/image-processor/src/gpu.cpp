#include "gpu.hpp"

#include "blur_cl.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

#if defined(_WIN32)
#include <windows.h>
#define CL_CALL __stdcall
#else
#include <dlfcn.h>
#define CL_CALL
#endif

namespace gpu {
namespace {

using Object = void *;

// Of CL/cl.h, which is not needed to build this.
constexpr std::uint64_t device_gpu = 1 << 2, device_all = 0xffffffff, read_write = 1, read_only_copy = 1 << 2 | 1 << 5;
constexpr std::uint32_t device_name = 0x102b, build_log = 0x1183;
// Elements of a row that one group of work items does. It never changes, since drivers keep what they built for it.
constexpr std::size_t group = 64;

// Looks a function up, typed as what it is assigned to.
class Library {
  public:
    Library() {
#if defined(_WIN32)
        handle_ = reinterpret_cast<void *>(LoadLibraryA("OpenCL.dll"));
#elif defined(__APPLE__)
        handle_ = dlopen("/System/Library/Frameworks/OpenCL.framework/OpenCL", RTLD_NOW | RTLD_LOCAL);
#else
        handle_ = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
#endif
        if (handle_ == nullptr) {
            throw std::runtime_error("OpenCL is not installed");
        }
    }
    template <class Function> void get(Function *&function, const char *name) const {
#if defined(_WIN32)
        function = reinterpret_cast<Function *>(GetProcAddress(reinterpret_cast<HMODULE>(handle_), name));
#else
        function = reinterpret_cast<Function *>(dlsym(handle_, name));
#endif
        if (function == nullptr) {
            throw std::runtime_error(std::string("OpenCL has no ") + name);
        }
    }

  private:
    void *handle_; // it stays loaded
};

void check(std::int32_t status, const char *what) {
    if (status != 0) {
        throw std::runtime_error(std::string(what) + ": OpenCL's error " + std::to_string(status));
    }
}

using Release = std::int32_t CL_CALL(Object);
using Held = std::unique_ptr<void, Release *>;

// The device: a graphics processor if there is one, otherwise whatever OpenCL offers. It stays until the process ends.
class Device {
  public:
    Device() {
        const Library library;
        library.get(platforms_, "clGetPlatformIDs");
        library.get(devices_, "clGetDeviceIDs");
        library.get(device_info_, "clGetDeviceInfo");
        library.get(create_context_, "clCreateContext");
        library.get(create_queue_, "clCreateCommandQueue");
        library.get(create_program_, "clCreateProgramWithSource");
        library.get(build_program_, "clBuildProgram");
        library.get(build_info_, "clGetProgramBuildInfo");
        library.get(create_kernel_, "clCreateKernel");
        library.get(create_buffer_, "clCreateBuffer");
        library.get(set_argument_, "clSetKernelArg");
        library.get(run_, "clEnqueueNDRangeKernel");
        library.get(read_, "clEnqueueReadBuffer");
        library.get(release_buffer_, "clReleaseMemObject");
        library.get(release_kernel_, "clReleaseKernel");
        library.get(release_queue_, "clReleaseCommandQueue");
        library.get(release_program_, "clReleaseProgram");
        device_ = find();
        std::int32_t status = 0;
        context_ = create_context_(nullptr, 1, &device_, nullptr, nullptr, &status);
        check(status, "the device cannot be opened");
        char text[256] = "";
        check(device_info_(device_, device_name, sizeof text - 1, text, nullptr), "the device has no name");
        name = text;
    }

    template <class T>
    void blur(const Pixels<T> &image, T *to, const std::vector<float> &weights, const char *type, const char *options) {
        const Object program = program_of(type, options);
        std::int32_t status = 0;
        const Held queue(create_queue_(context_, device_, 0, &status), release_queue_);
        check(status, "no queue");
        const std::size_t bytes = image.count() * sizeof(T);
        const Held from = buffer(read_only_copy, bytes, image.data);
        const Held between = buffer(read_write, image.count() * sizeof(float), nullptr);
        const Held done = buffer(read_write, bytes, nullptr);
        const Held taps = buffer(read_only_copy, weights.size() * sizeof(float), weights.data());
        for (const bool along : {true, false}) {
            const Held kernel(create_kernel_(program, along ? "along" : "down", &status), release_kernel_);
            check(status, "no kernel");
            const Object objects[] = {along ? from.get() : between.get(), along ? between.get() : done.get(),
                                      taps.get()};
            const std::size_t numbers[] = {image.row(), image.height, image.channels, weights.size() / 2};
            std::uint32_t place = 0;
            for (const Object &object : objects) {
                check(set_argument_(kernel.get(), place++, sizeof object, &object), "an argument");
            }
            for (const std::size_t number : numbers) {
                const auto value = static_cast<std::uint32_t>(number);
                check(set_argument_(kernel.get(), place++, sizeof value, &value), "an argument");
            }
            const std::size_t global[] = {(image.row() + group - 1) / group * group, image.height},
                              local[] = {group, 1};
            check(run_(queue.get(), kernel.get(), 2, nullptr, global, local, 0, nullptr, nullptr),
                  "the kernel does not run");
        }
        check(read_(queue.get(), done.get(), 1, 0, bytes, to, 0, nullptr, nullptr), "the kernel failed");
    }

    std::string name;

  private:
    Object find() const {
        Object platforms[16];
        std::uint32_t count = 0;
        if (platforms_(16, platforms, &count) != 0) {
            throw std::runtime_error("OpenCL has no platform");
        }
        for (const std::uint64_t kind : {device_gpu, device_all}) {
            for (std::uint32_t at = 0; at < count && at < 16; at++) {
                Object device = nullptr;
                if (devices_(platforms[at], kind, 1, &device, nullptr) == 0 && device != nullptr) {
                    return device;
                }
            }
        }
        throw std::runtime_error("OpenCL has no device");
    }

    // The program for an element type, built when it is first wanted.
    Object program_of(const char *type, const char *options) {
        const std::lock_guard<std::mutex> lock(guard_);
        const auto found = programs_.find(type);
        if (found != programs_.end()) {
            return found->second;
        }
        const char *source = kernels;
        std::int32_t status = 0;
        Held program(create_program_(context_, 1, &source, nullptr, &status), release_program_);
        check(status, "the kernels are not taken");
        if (build_program_(program.get(), 1, &device_, options, nullptr, nullptr) != 0) {
            char log[4096] = "";
            build_info_(program.get(), device_, build_log, sizeof log - 1, log, nullptr);
            throw std::runtime_error(std::string("the kernels do not build: ") + log);
        }
        programs_[type] = program.get();
        return program.release(); // it stays, like the device
    }

    Held buffer(std::uint64_t flags, std::size_t bytes, const void *from) const {
        std::int32_t status = 0;
        Held made(create_buffer_(context_, flags, bytes, from, &status), release_buffer_);
        check(status, "no memory on the device");
        return made;
    }

    std::int32_t CL_CALL (*platforms_)(std::uint32_t, Object *, std::uint32_t *);
    std::int32_t CL_CALL (*devices_)(Object, std::uint64_t, std::uint32_t, Object *, std::uint32_t *);
    std::int32_t CL_CALL (*device_info_)(Object, std::uint32_t, std::size_t, void *, std::size_t *);
    Object CL_CALL (*create_context_)(const std::intptr_t *, std::uint32_t, const Object *, const void *, const void *,
                                      std::int32_t *);
    Object CL_CALL (*create_queue_)(Object, Object, std::uint64_t, std::int32_t *);
    Object CL_CALL (*create_program_)(Object, std::uint32_t, const char *const *, const std::size_t *, std::int32_t *);
    std::int32_t CL_CALL (*build_program_)(Object, std::uint32_t, const Object *, const char *, const void *,
                                           const void *);
    std::int32_t CL_CALL (*build_info_)(Object, Object, std::uint32_t, std::size_t, void *, std::size_t *);
    Object CL_CALL (*create_kernel_)(Object, const char *, std::int32_t *);
    Object CL_CALL (*create_buffer_)(Object, std::uint64_t, std::size_t, const void *, std::int32_t *);
    std::int32_t CL_CALL (*set_argument_)(Object, std::uint32_t, std::size_t, const void *);
    std::int32_t CL_CALL (*run_)(Object, Object, std::uint32_t, const std::size_t *, const std::size_t *,
                                 const std::size_t *, std::uint32_t, const Object *, Object *);
    std::int32_t CL_CALL (*read_)(Object, Object, std::uint32_t, std::size_t, std::size_t, void *, std::uint32_t,
                                  const Object *, Object *);
    Release *release_buffer_, *release_kernel_, *release_queue_, *release_program_;
    Object device_, context_;
    std::mutex guard_;
    std::map<std::string, Object> programs_;
};

// Looked for once; never destroyed, since drivers may be gone before that.
Device &device() {
    static const auto found = []() -> std::pair<Device *, std::string> {
        try {
            return {new Device, ""};
        } catch (const std::runtime_error &error) {
            return {nullptr, error.what()};
        }
    }();
    if (found.first == nullptr) {
        throw std::runtime_error(found.second);
    }
    return *found.first;
}

} // namespace

std::string blur(const Pixels<std::uint8_t> &image, std::uint8_t *to, const std::vector<float> &weights) {
    const char *const options = "-DELEMENT=uchar -DROUNDED(x)=convert_uchar_sat((x)+0.5f)";
    device().blur(image, to, weights, "uchar", options);
    return device().name;
}
std::string blur(const Pixels<std::uint16_t> &image, std::uint16_t *to, const std::vector<float> &weights) {
    const char *const options = "-DELEMENT=ushort -DROUNDED(x)=convert_ushort_sat((x)+0.5f)";
    device().blur(image, to, weights, "ushort", options);
    return device().name;
}
std::string blur(const Pixels<float> &image, float *to, const std::vector<float> &weights) {
    device().blur(image, to, weights, "float", "-DELEMENT=float -DROUNDED(x)=(x)");
    return device().name;
}

} // namespace gpu
