// What this plugin uses of ONNX Runtime's C interface. It is a table of functions that only ever grows at its end, so each
// function is known by its place; a runtime that does not speak version 17 of the table gives none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#ifdef _WIN32
#define ORT_CALL __stdcall
#else
#define ORT_CALL
#endif

namespace ort {

constexpr std::uint32_t version = 17;

// Objects of the runtime, seen only as pointers.
struct Status;
struct Env;
struct Session;
struct SessionOptions;
struct RunOptions;
struct Value;
struct TypeInfo;
struct TensorInfo;
struct MemoryInfo;
struct Metadata;
struct Allocator;
struct CudaOptions;

using Path = std::filesystem::path::value_type;

// Element types.
enum Element : int {
    float32 = 1,
    uint8 = 2,
    int8 = 3,
    uint16 = 4,
    int16 = 5,
    int32 = 6,
    int64 = 7,
    string = 8,
    boolean = 9,
    float16 = 10,
    float64 = 11,
    uint32 = 12,
    uint64 = 13
};

// A function of the table: its place and its type.
template <std::size_t Place, class Type> struct Entry;
template <std::size_t Place, class Result, class... Arguments> struct Entry<Place, Result(Arguments...)> {
    static constexpr std::size_t place = Place;
    using Function = Result(ORT_CALL *)(Arguments...);
};
template <std::size_t Place, class... Arguments> using Fallible = Entry<Place, Status *(Arguments...)>;
template <std::size_t Place, class Type> using Release = Entry<Place, void(Type *)>;

using GetErrorMessage = Entry<2, const char *(const Status *)>;
using CreateEnv = Fallible<3, int, const char *, Env **>;
using CreateSession = Fallible<7, const Env *, const Path *, const SessionOptions *, Session **>;
using Run = Fallible<9, Session *, const RunOptions *, const char *const *, const Value *const *, std::size_t,
                     const char *const *, std::size_t, Value **>;
using CreateSessionOptions = Fallible<10, SessionOptions **>;
using SetSessionLogSeverityLevel = Fallible<22, SessionOptions *, int>;
using SetIntraOpNumThreads = Fallible<24, SessionOptions *, int>;
using SessionGetInputCount = Fallible<30, const Session *, std::size_t *>;
using SessionGetOutputCount = Fallible<31, const Session *, std::size_t *>;
using SessionGetInputTypeInfo = Fallible<33, const Session *, std::size_t, TypeInfo **>;
using SessionGetOutputTypeInfo = Fallible<34, const Session *, std::size_t, TypeInfo **>;
using SessionGetInputName = Fallible<36, const Session *, std::size_t, Allocator *, char **>;
using SessionGetOutputName = Fallible<37, const Session *, std::size_t, Allocator *, char **>;
using CreateTensorWithDataAsOrtValue =
    Fallible<49, const MemoryInfo *, void *, std::size_t, const std::int64_t *, std::size_t, int, Value **>;
using GetTensorMutableData = Fallible<51, Value *, void **>;
using CastTypeInfoToTensorInfo = Fallible<55, const TypeInfo *, const TensorInfo **>;
using GetTensorElementType = Fallible<60, const TensorInfo *, int *>;
using GetDimensionsCount = Fallible<61, const TensorInfo *, std::size_t *>;
using GetDimensions = Fallible<62, const TensorInfo *, std::int64_t *, std::size_t>;
using GetTensorTypeAndShape = Fallible<65, const Value *, TensorInfo **>;
using CreateCpuMemoryInfo = Fallible<69, int, int, MemoryInfo **>;
using AllocatorFree = Fallible<76, Allocator *, void *>;
using GetAllocatorWithDefaultOptions = Fallible<78, Allocator **>;
using ReleaseStatus = Release<93, Status>;
using ReleaseSession = Release<95, Session>;
using ReleaseValue = Release<96, Value>;
using ReleaseTypeInfo = Release<98, TypeInfo>;
using ReleaseTensorInfo = Release<99, TensorInfo>;
using ReleaseSessionOptions = Release<100, SessionOptions>;
using SessionGetModelMetadata = Fallible<111, const Session *, Metadata **>;
using MetadataLookup = Fallible<116, const Metadata *, Allocator *, const char *, char **>;
using MetadataGetVersion = Fallible<117, const Metadata *, std::int64_t *>;
using ReleaseMetadata = Release<118, Metadata>;
using GetAvailableProviders = Fallible<125, char ***, int *>;
using ReleaseAvailableProviders = Fallible<126, char **, int>;
using AppendCuda = Fallible<204, SessionOptions *, const CudaOptions *>;
using CreateCudaOptions = Fallible<205, CudaOptions **>;
using ReleaseCudaOptions = Release<208, CudaOptions>;

// What OrtGetApiBase gives.
struct Base {
    const void *(ORT_CALL *get_api)(std::uint32_t version);
    const char *(ORT_CALL *get_version)();
};

} // namespace ort
