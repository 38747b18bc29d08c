/* Prints the size of every struct and the offset of every field, for layout.rs to compare. */
#include <lao/lao.h>
#include <stdio.h>

#define SIZE(type) printf(#type " %zu\n", sizeof(lao_##type##_t))
#define AT(type, field) printf(#type "." #field " %zu\n", offsetof(lao_##type##_t, field))

int main(void) {
    SIZE(error), AT(error, text_size), AT(error, text);
    SIZE(dtype), SIZE(device);
    SIZE(tensor), AT(tensor, device), AT(tensor, dtype), AT(tensor, shape), AT(tensor, byte_offset);
    SIZE(managed_tensor), AT(managed_tensor, deleter), AT(managed_tensor, flags), AT(managed_tensor, tensor);
    SIZE(value), AT(value, data), AT(value, tensor), AT(value, metadata_size), AT(value, release), AT(value, owner);
    SIZE(param), AT(param, integer), AT(param, number), AT(param, data), AT(param, size);
    SIZE(host), AT(host, context), AT(host, alloc), AT(host, free), AT(host, log), AT(host, now_ns);
    AT(host, get_extension);
    SIZE(capability), AT(capability, name), AT(capability, input_kind), AT(capability, params_schema);
    AT(capability, max_batch);
    SIZE(config), AT(config, json), AT(config, json_size), AT(config, data_dir);
    SIZE(request), AT(request, inputs), AT(request, params), AT(request, deadline_ns), AT(request, cancel);
    AT(request, call);
    SIZE(response), AT(response, output_count), AT(response, outputs);
    SIZE(plugin), AT(plugin, name), AT(plugin, thread_role), AT(plugin, capabilities), AT(plugin, create);
    AT(plugin, call), AT(plugin, get_extension), AT(plugin, shutdown), AT(plugin, config_schema), AT(plugin, events);
    AT(plugin, event_count);
    SIZE(stream_host), AT(stream_host, push), AT(stream_host, pull);
    SIZE(state_plugin), AT(state_plugin, state_version), AT(state_plugin, save), AT(state_plugin, load);
    SIZE(progress_host), AT(progress_host, report);
    SIZE(scratch_host), AT(scratch_host, get), AT(scratch_host, put);
    SIZE(files_host), AT(files_host, open);
    SIZE(http_host), AT(http_host, fetch);
    SIZE(commands_host), AT(commands_host, run);
    SIZE(calls_host), AT(calls_host, call);
    SIZE(events_host), AT(events_host, emit);
    SIZE(declared_event), AT(declared_event, name), AT(declared_event, data_schema);
    SIZE(batch_plugin), AT(batch_plugin, call_batch);
    SIZE(events_plugin), AT(events_plugin, on_event);
    SIZE(lifecycle_plugin), AT(lifecycle_plugin, configure), AT(lifecycle_plugin, health);
    return 0;
}
