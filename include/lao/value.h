/* Values: what goes into a call and what comes out of it. */
#ifndef LAO_VALUE_H
#define LAO_VALUE_H

#include "abi.h"

/* Kinds of value. `any` stands only in capability declarations. */
enum {
    LAO_KIND_NONE = 0,
    LAO_KIND_TEXT = 1,   /* data: UTF-8; NUL bytes are ordinary characters */
    LAO_KIND_JSON = 2,   /* data: one JSON document, UTF-8 */
    LAO_KIND_BINARY = 3, /* data: bytes; media_type says what they are */
    LAO_KIND_FILE = 4,   /* data: UTF-8 path, or file_handle, or both */
    LAO_KIND_AUDIO = 5,  /* tensor: [frames, channels] float32 in -1..1 or int16; sample_rate_hz */
    LAO_KIND_IMAGE = 6,  /* tensor: [height, width, channels] uint8, uint16, or float32 in 0..1 */
    LAO_KIND_VIDEO = 7,  /* tensor: [frames, height, width, channels], or encoded bytes with media_type */
    LAO_KIND_ANY = 8,
    LAO_KIND_TENSOR = 9 /* tensor: any shape and dtype */
};

/* --- DLPack 1.x, binary-compatible (the exception to the struct_size rule) --- */

enum { /* device_type */
       LAO_DEVICE_CPU = 1,
       LAO_DEVICE_CUDA = 2,
       LAO_DEVICE_CUDA_HOST = 3,
       LAO_DEVICE_OPENCL = 4,
       LAO_DEVICE_VULKAN = 7,
       LAO_DEVICE_METAL = 8,
       LAO_DEVICE_ROCM = 10
};

enum { /* dtype code */
       LAO_DTYPE_INT = 0,
       LAO_DTYPE_UINT = 1,
       LAO_DTYPE_FLOAT = 2,
       LAO_DTYPE_BFLOAT = 4,
       LAO_DTYPE_COMPLEX = 5,
       LAO_DTYPE_BOOL = 6
};

#define LAO_TENSOR_MAX_RANK 32
#define LAO_TENSOR_READ_ONLY ((uint64_t)1) /* lao_managed_tensor_t.flags */
#define LAO_TENSOR_IS_COPIED ((uint64_t)2)

typedef struct lao_device { /* DLDevice */
    int32_t device_type;
    int32_t device_id;
} lao_device_t;

typedef struct lao_dtype { /* DLDataType */
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
} lao_dtype_t;

typedef struct lao_tensor { /* DLTensor */
    void *data;             /* first byte of the allocation; the first element is at data + byte_offset */
    lao_device_t device;
    int32_t rank; /* 0..LAO_TENSOR_MAX_RANK */
    lao_dtype_t dtype;
    int64_t *shape;   /* elements per axis, each >= 0 */
    int64_t *strides; /* in elements; NULL means C order */
    uint64_t byte_offset;
} lao_tensor_t;

typedef struct lao_managed_tensor { /* DLManagedTensorVersioned */
    uint32_t dlpack_major;
    uint32_t dlpack_minor;
    void *manager;
    void(LAO_CALL *deleter)(struct lao_managed_tensor *self); /* may be NULL */
    uint64_t flags;
    lao_tensor_t tensor;
} lao_managed_tensor_t;

/* --- Values --- */

enum {                            /* lao_value_t.flags */
       LAO_VALUE_TRANSFERABLE =
           1u,  /* input: the plugin may keep it, by setting LAO_VALUE_TAKEN, if the call succeeds */
       LAO_VALUE_TAKEN = 2u          /* set by the plugin; it must then call `release` itself, once */
};

enum { /* color_space */
       LAO_COLOR_UNSPECIFIED = 0,
       LAO_COLOR_SRGB = 1,
       LAO_COLOR_LINEAR_SRGB = 2,
       LAO_COLOR_GRAY = 3
};

enum { /* channel_order */
       LAO_CHANNELS_UNSPECIFIED = 0,
       LAO_CHANNELS_GRAY = 1,
       LAO_CHANNELS_RGB = 2,
       LAO_CHANNELS_BGR = 3,
       LAO_CHANNELS_RGBA = 4,
       LAO_CHANNELS_BGRA = 5
};

/* Inputs are read-only and valid during the call, unless taken. Outputs are filled by the plugin and belong to the
 * host from a successful return on; the host then releases each exactly once:
 *   `release`, if it is not NULL; else the tensor's deleter, if there is one; else nothing.
 * release receives a lao_value_t with the same `data`, `tensor` and `owner` (not necessarily the same struct).
 * [thread: any] [state: also after the instance was destroyed and the plugin was shut down] */
typedef struct lao_value {
    uint32_t struct_size;
    uint32_t kind;
    uint32_t flags;
    uint32_t sample_rate_hz; /* audio; 0 = unknown */
    uint32_t color_space;    /* image, video */
    uint32_t channel_order;  /* image, video */
    const void *data;        /* text, json, binary, file, encoded media; lives until release */
    uint64_t size;           /* bytes behind `data` */
    lao_managed_tensor_t *tensor; /* audio, image, video, tensor; NULL otherwise; lives until release */
    const char *media_type;       /* IANA media type of `data`, NUL-terminated; NULL = unknown; lives until release */
    const char *metadata;         /* one JSON object, UTF-8; NULL = none; lives until release */
    uint64_t metadata_size;       /* bytes */
    int64_t file_handle;          /* an open descriptor (POSIX) or HANDLE (Windows); -1 = none; owned by the host */
    void(LAO_CALL *release)(struct lao_value *value);
    void *owner; /* for release's own use */
} lao_value_t;

/* --- Parameters --- */

enum { /* lao_param_t.type */
       LAO_PARAM_BOOL = 1,   /* integer: 0 or 1 */
       LAO_PARAM_INT = 2,    /* integer */
       LAO_PARAM_DOUBLE = 3, /* number */
       LAO_PARAM_TEXT = 4,   /* data: UTF-8 */
       LAO_PARAM_BYTES = 5,  /* data */
       LAO_PARAM_JSON = 6    /* data: a JSON array, object or null */
};

/* One named parameter of a call. Owned by the host, valid during the call. */
typedef struct lao_param {
    uint32_t struct_size;
    uint32_t type;
    const char *name; /* UTF-8, NUL-terminated */
    int64_t integer;
    double number;
    const void *data; /* text, bytes and JSON; followed by a NUL byte that `size` does not count */
    uint64_t size;    /* bytes */
} lao_param_t;

#endif /* LAO_VALUE_H */
