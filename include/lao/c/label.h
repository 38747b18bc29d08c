/* A media type and metadata for an output, whose texts live as long as it does. */
#ifndef LAO_C_LABEL_H
#define LAO_C_LABEL_H

#include <stdlib.h>
#include <string.h>

#include "../status.h"
#include "../value.h"

/* What a labelled value was released by before; the texts follow it. */
typedef struct lao__label {
    void(LAO_CALL *release)(lao_value_t *value);
    void *owner;
} lao__label_t;

static inline void LAO_CALL lao__release_label(lao_value_t *value) {
    lao__label_t *label = (lao__label_t *)value->owner;
    value->owner = label->owner;
    value->release = label->release;
    if (label->release != NULL) {
        label->release(value);
    } else if (value->tensor != NULL && value->tensor->deleter != NULL) {
        value->tensor->deleter(value->tensor);
    }
    free(label);
}

/* Gives a filled output a media type (such as "image/png") and metadata (one JSON object); both NUL-terminated and
 * copied, and NULL where there is none to be set. On LAO_OUT_OF_MEMORY the output is as it was. [thread: any] */
static inline lao_status_t lao_label(lao_value_t *value, const char *media_type, const char *metadata) {
    const size_t media_type_size = media_type != NULL ? strlen(media_type) + 1 : 0;
    const size_t metadata_size = metadata != NULL ? strlen(metadata) + 1 : 0;
    lao__label_t *label = (lao__label_t *)malloc(sizeof *label + media_type_size + metadata_size);
    char *text = (char *)(label + 1);
    if (label == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    label->release = value->release;
    label->owner = value->owner;
    if (media_type != NULL) {
        memcpy(text, media_type, media_type_size);
        value->media_type = text;
    }
    if (metadata != NULL) {
        memcpy(text + media_type_size, metadata, metadata_size);
        value->metadata = text + media_type_size;
        value->metadata_size = metadata_size - 1;
    }
    value->owner = label;
    value->release = lao__release_label;
    return LAO_OK;
}

#endif /* LAO_C_LABEL_H */
