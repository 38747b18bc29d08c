/* LAO C ABI: version, calling convention and the rules that every struct obeys.
 *
 * Rules that hold for all structs of this ABI:
 *  - The first field is `uint32_t struct_size`, set by whoever created the struct. Nobody reads or writes past it;
 *    ask with LAO_HAS before touching a field that a smaller struct may lack.
 *  - Only fixed-width integers, doubles and pointers. Fields that were published never move.
 *  - Arrays are arrays of pointers, so that the structs behind them can grow. DLPack's structs (value.h) cannot grow.
 *  - New abilities come as extensions, fetched by id in both directions (ext/).
 *
 * Tags that end the comment of every function:
 *  [thread: any]       callable from any thread, at any time between load and process end
 *  [thread: call]      only from inside a call, on the thread that runs it
 *  [thread: role]      as the plugin's declared thread role allows
 *  [state: ...]        what must have happened before
 *
 * Version 1 is frozen, and recorded in tests/abi. What these headers publish keeps its place, its type and its meaning for
 * as long as LAO_ABI_MAJOR is 1: a struct grows at its end only, constants are only added, and an extension id never
 * means anything else. LAO_ABI_MINOR counts what was added; neither side decides by it. A host runs every plugin of its
 * major version, built before or after the host.
 */
#ifndef LAO_ABI_H
#define LAO_ABI_H

#include <stddef.h>
#include <stdint.h>

#define LAO_ABI_MAJOR 1u
#define LAO_ABI_MINOR 0u
#define LAO_ABI_VERSION ((LAO_ABI_MAJOR << 16) | LAO_ABI_MINOR)
#define LAO_ABI_MAJOR_OF(version) ((uint32_t)(version) >> 16)
#define LAO_ABI_MINOR_OF(version) ((uint32_t)(version) & 0xffffu)

/* Calling convention of every function that crosses the boundary. */
#if defined(_WIN32) && !defined(_WIN64)
#define LAO_CALL __cdecl
#else
#define LAO_CALL
#endif

/* Marks the one symbol that a plugin library exports. */
#if defined(_WIN32)
#define LAO_EXPORT __declspec(dllexport)
#else
#define LAO_EXPORT __attribute__((visibility("default")))
#endif

#if defined(__cplusplus)
#define LAO_EXTERN_C_BEGIN extern "C" {
#define LAO_EXTERN_C_END }
#else
#define LAO_EXTERN_C_BEGIN
#define LAO_EXTERN_C_END
#endif

/* True when the struct behind `pointer` is large enough to hold `field`. */
#define LAO_HAS(type, pointer, field)                                                                                  \
    ((pointer)->struct_size >= offsetof(type, field) + sizeof(((const type *)0)->field))

#endif /* LAO_ABI_H */
