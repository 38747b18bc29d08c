#include "describe.h"

#include <stdlib.h>
#include <string.h>

#include "text_buffer.h"
#include "vtable_adapter.h"

static void describe_capability(lao__text_buffer_t *out, const lao__capability_t *capability) {
    lao__text_add_string(out, "{");
    lao__text_add_json_field(out, "name", capability->name);
    lao__text_add_json_field(out, "description", capability->description);
    lao__text_add_json_number(out, "input_kind", capability->input_kind);
    lao__text_add_json_number(out, "output_kind", capability->output_kind);
    lao__text_add_json_number(out, "flags", capability->flags);
    lao__text_add_json_number(out, "max_batch", capability->max_batch);
    lao__text_add_json_field(out, "input_schema", capability->input_schema);
    lao__text_add_json_field(out, "output_schema", capability->output_schema);
    lao__text_add_json_field(out, "params_schema", capability->params_schema);
    lao__text_add_string(out, "}");
}

static void describe_event(lao__text_buffer_t *out, const lao__declared_event_t *event) {
    lao__text_add_string(out, "{");
    lao__text_add_json_field(out, "name", event->name);
    lao__text_add_json_field(out, "description", event->description);
    lao__text_add_json_field(out, "data_schema", event->data_schema);
    lao__text_add_string(out, "}");
}

static void describe_extensions(lao__text_buffer_t *out, const lao__module_t *module) {
    const struct {
        const char *id;
        const void *table;
    } known[] = {{LAO_EXT_BATCH, module->batch},
                 {LAO_EXT_STATE, module->state},
                 {LAO_EXT_LIFECYCLE, module->lifecycle},
                 {LAO_EXT_EVENTS, module->receiver}};
    const char *between = "";
    size_t index;
    for (index = 0; index < sizeof known / sizeof *known; index++) {
        if (known[index].table != NULL) {
            lao__text_add_string(out, between);
            lao__text_add_json(out, known[index].id, strlen(known[index].id));
            between = ",";
        }
    }
}

static void describe_claim(lao__text_buffer_t *out, const lao__vtable_claim_t *claim) {
    lao__text_add_string(out, ",\"claim\":{");
    lao__text_add_json_field(out, "called", claim->called);
    lao__text_add_json_field(out, "name", claim->name);
    lao__text_add_json_field(out, "version", claim->version);
    lao__text_add_json_field(out, "description", claim->description);
    lao__text_add_json_field(out, "author", claim->author);
    lao__text_add_json_field(out, "dependencies", claim->dependencies);
    lao__text_add_json_field(out, "tags", claim->tags);
    lao__text_add_json_field(out, "input_schema", claim->input_schema);
    lao__text_add_json_field(out, "output_schema", claim->output_schema);
    lao__text_add_json_field(out, "capabilities",
                             claim->capabilities != NULL ? claim->capabilities : claim->capabilities_slot);
    lao__text_add_string(out, "}");
}

char *lao__describe(const lao__module_t *module) {
    lao__text_buffer_t out = {0};
    uint32_t index;
    lao__text_add_string(&out, "{");
    lao__text_add_json_field(&out, "abi", module->vtable != NULL ? "lao/0.x" : "lao/1");
    lao__text_add_json_number(&out, "abi_version", module->abi_version);
    lao__text_add_json_field(&out, "name", module->name);
    lao__text_add_json_field(&out, "version", module->version);
    lao__text_add_json_field(&out, "description", module->description);
    lao__text_add_json_number(&out, "thread_role", module->thread_role);
    lao__text_add_string(&out, ",\"capabilities\":[");
    for (index = 0; index < module->capability_count; index++) {
        if (index > 0) {
            lao__text_add_string(&out, ",");
        }
        describe_capability(&out, &module->capabilities[index]);
    }
    lao__text_add_string(&out, "]");
    lao__text_add_json_field(&out, "config_schema", module->config_schema);
    lao__text_add_string(&out, ",\"events\":[");
    for (index = 0; index < module->event_count; index++) {
        if (index > 0) {
            lao__text_add_string(&out, ",");
        }
        describe_event(&out, &module->events[index]);
    }
    lao__text_add_string(&out, "],\"extensions\":[");
    describe_extensions(&out, module);
    lao__text_add_string(&out, "]");
    if (module->vtable != NULL) {
        lao__text_add_json_number(&out, "layout", module->vtable->layout);
        describe_claim(&out, &module->vtable->claim);
    }
    lao__text_add_string(&out, "}");
    if (out.failed) {
        free(out.text);
        return NULL;
    }
    return out.text;
}
