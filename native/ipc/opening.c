#include "opening.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/clock.h"
#include "../core/module.h"
#include "answer.h"
#include "connector.h"

#define RESTART_SLACK_NS INT64_C(1000000000)
#define MAX_CAPABILITIES 4096u

/* A call whose worker has to be started again waits for that within its own deadline, but for no less than starting is
 * known to take: a short time-out must not keep a slow plugin from ever coming back. */
static int64_t start_deadline(const lao__opening_t *opening, int64_t call_deadline_ns) {
    int64_t now_ns = lao__now_ns();
    int64_t opened_in_ns = atomic_load(&opening->opened_in_ns);
    int64_t latest_ns = now_ns + opening->open_timeout_ns;
    int64_t needed_ns = now_ns + 2 * opened_in_ns + RESTART_SLACK_NS;
    int64_t wanted_ns = call_deadline_ns > needed_ns ? call_deadline_ns : needed_ns;
    return opened_in_ns == 0 || wanted_ns > latest_ns ? latest_ns : wanted_ns;
}

/* Sends the request that was written and takes the JSON that answers it. */
static lao_status_t ask(const lao__opening_t *opening, lao__lane_t *lane, int64_t deadline_ns,
                        const lao__flight_t *flight, lao_value_t *answer, lao__error_t *error) {
    lao__frame_response_t response;
    lao_status_t status = lao__lane_exchange(lane, deadline_ns, flight, opening->grace_ns, &response, error);
    if (status != LAO_OK) {
        return status;
    }
    if (response.status != LAO_OK) {
        return lao__answer_take_error(lane->link, &response, error);
    }
    if (response.value.kind != LAO_KIND_JSON) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker did not describe itself");
    }
    return lao__answer_take_output(lane->link, &response, false, answer, error);
}

/* --- CONFINE --- */

/* The plan, with what is known only of this very process. */
static char *whole_plan(const lao__opening_t *opening, const lao__worker_link_t *link) {
    size_t size = strlen(opening->sandbox_plan) + 256;
    char *plan = malloc(size);
    if (plan != NULL) {
        snprintf(plan, size, "%s\nparent %d\ncgroup_memory %d\ncgroup_pids %d\ncgroup_cpu %d\n", opening->sandbox_plan,
                 (int)getpid(), (link->cgroup.kept & LAO__CGROUP_MEMORY) != 0,
                 (link->cgroup.kept & LAO__CGROUP_PIDS) != 0, (link->cgroup.kept & LAO__CGROUP_CPU) != 0);
    }
    return plan;
}

static lao_status_t confine(lao__opening_t *opening, lao__worker_link_t *link, int64_t deadline_ns,
                            const lao__flight_t *flight, lao__error_t *error) {
    lao__frame_writer_t writer;
    lao__frame_request_t *request = lao__lane_request(&link->lanes[0], LAO__FRAME_CONFINE, &writer);
    lao_value_t report;
    lao_status_t status;
    char *plan = whole_plan(opening, link);
    bool fits = plan != NULL && lao__frame_put_text(&writer, plan, &request->config);
    free(plan);
    if (!fits) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "its sandbox's plan does not fit into the channel");
    }
    memset(&report, 0, sizeof report);
    status = ask(opening, &link->lanes[0], deadline_ns, flight, &report, error);
    if (status != LAO_OK) {
        return status;
    }
    pthread_mutex_lock(&opening->lock);
    if (opening->report == NULL) {
        opening->report = lao__copy_string(report.data);
    }
    pthread_mutex_unlock(&opening->lock);
    lao__value_release(&report);
    status = lao__process_check_confined(&link->process, error);
    if (status == LAO_OK && lao__connector_is_wanted(opening->sandbox_plan)) {
        status = lao__connector_start(link->process.control, opening->sandbox_plan, error);
    }
    return status;
}

/* --- OPEN --- */

/* The lanes and the capabilities travel as the description's metadata: 32-bit numbers. */
static lao_status_t read_numbers(lao__opening_t *opening, const lao_value_t *description, lao__error_t *error) {
    uint32_t numbers[1 + MAX_CAPABILITIES];
    uint64_t count = description->metadata_size / sizeof *numbers;
    uint64_t index;
    if (count < 2 || count > 1 + MAX_CAPABILITIES || description->metadata_size % sizeof *numbers != 0) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker declared no capabilities");
    }
    memcpy(numbers, description->metadata, (size_t)description->metadata_size);
    if (numbers[0] == 0 || numbers[0] > opening->lanes) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker takes %u calls at once where %u were offered",
                         numbers[0], opening->lanes);
    }
    for (index = 1; index < count; index++) {
        uint32_t kind = numbers[index] & 0xff;
        if (kind == LAO_KIND_NONE || kind > LAO_KIND_TENSOR) {
            return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker declared an unknown kind");
        }
    }
    opening->capabilities = malloc((size_t)(count - 1) * sizeof *numbers);
    if (opening->capabilities == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    memcpy(opening->capabilities, numbers + 1, (size_t)(count - 1) * sizeof *numbers);
    opening->capability_count = (uint32_t)(count - 1);
    opening->agreed_lanes = numbers[0];
    return LAO_OK;
}

static lao_status_t learn(lao__opening_t *opening, const lao_value_t *description, lao__error_t *error) {
    lao_status_t status = LAO_OK;
    pthread_mutex_lock(&opening->lock);
    if (opening->description == NULL) {
        status = read_numbers(opening, description, error);
        if (status == LAO_OK) {
            opening->description = lao__copy_string(description->data);
            status = opening->description != NULL ? LAO_OK : lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
        }
    } else if (strcmp(opening->description, description->data) != 0) {
        status = lao__fail(error, LAO_PROTOCOL_VIOLATION, "after a restart it describes itself differently");
    }
    pthread_mutex_unlock(&opening->lock);
    return status;
}

static lao_status_t load(lao__opening_t *opening, lao__worker_link_t *link, int64_t deadline_ns,
                         const lao__flight_t *flight, lao__error_t *error) {
    lao__frame_writer_t writer;
    lao__frame_request_t *request = lao__lane_request(&link->lanes[0], LAO__FRAME_OPEN, &writer);
    lao_value_t description;
    lao_status_t status;
    bool fits;
    request->deadline_ns = deadline_ns;
    request->lanes = opening->lanes;
    request->services = opening->services;
    request->max_threads = opening->max_threads;
    pthread_mutex_lock(&opening->lock);
    fits = lao__frame_put_text(&writer, opening->config_json, &request->config);
    pthread_mutex_unlock(&opening->lock);
    if (!fits || !lao__frame_put_text(&writer, opening->library, &request->path) ||
        !lao__frame_put_text(&writer, opening->resource_dir, &request->resource_dir) ||
        !lao__frame_put_text(&writer, opening->data_dir, &request->data_dir)) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "its configuration does not fit into the channel");
    }
    memset(&description, 0, sizeof description);
    status = ask(opening, &link->lanes[0], deadline_ns, flight, &description, error);
    if (status == LAO_OK) {
        status = learn(opening, &description, error);
        lao__value_release(&description);
    }
    return status;
}

/* --- The whole --- */

/* The plugin's service socket goes to whoever serves it. */
static void hand_over_services(const lao__opening_t *opening, lao__worker_link_t *link, uint32_t index) {
    if (opening->service_listener >= 0) {
        char line[128];
        snprintf(line, sizeof line, "{\"index\": %u, \"generation\": %u, \"pid\": %d}\n", index,
                 atomic_load(&link->generation), link->process.pid);
        (void)lao__process_send_text(opening->service_listener, line, link->process.services);
    }
    lao__process_close_services(&link->process);
}

lao_status_t lao__opening_start(lao__opening_t *opening, lao__worker_link_t *link, uint32_t index, int64_t deadline_ns,
                                const lao__flight_t *flight, lao__error_t *error) {
    int64_t until_ns = start_deadline(opening, deadline_ns);
    int64_t began_ns = lao__now_ns();
    lao__cgroup_limits_t limits;
    lao_status_t status;
    pthread_mutex_lock(&opening->lock);
    limits = opening->limits;
    pthread_mutex_unlock(&opening->lock);
    status = lao__worker_link_start(link, opening->executable, opening->environment, &limits, error);
    if (status != LAO_OK) {
        return status;
    }
    hand_over_services(opening, link, index);
    if (opening->sandbox_plan != NULL) {
        status = confine(opening, link, until_ns, flight, error);
    }
    if (status == LAO_OK) {
        status = load(opening, link, until_ns, flight, error);
    }
    if (status != LAO_OK) {
        lao__worker_link_take_down(link);
        return status;
    }
    link->lane_count = opening->agreed_lanes;
    if (atomic_load(&opening->opened_in_ns) == 0) {
        atomic_store(&opening->opened_in_ns, lao__now_ns() - began_ns + 1);
    }
    atomic_store(&link->state, LAO__LINK_RUNNING);
    return LAO_OK;
}

void lao__opening_close(const lao__opening_t *opening, lao__worker_link_t *link) {
    lao__frame_writer_t writer;
    lao__frame_response_t response;
    lao__error_t *error = atomic_load(&link->dead) ? NULL : malloc(sizeof *error);
    if (error != NULL) {
        lao__lane_request(&link->lanes[0], LAO__FRAME_CLOSE, &writer);
        /* It ends either way. */
        (void)lao__lane_exchange(&link->lanes[0], lao__now_ns() + opening->grace_ns, NULL, 0, &response, error);
        free(error);
    }
}

void lao__opening_deinit(lao__opening_t *opening) {
    char **entry;
    for (entry = opening->environment; entry != NULL && *entry != NULL; entry++) {
        free(*entry);
    }
    free(opening->environment);
    free(opening->executable);
    free(opening->sandbox_plan);
    free(opening->library);
    free(opening->config_json);
    free(opening->resource_dir);
    free(opening->data_dir);
    free(opening->report);
    free(opening->description);
    free(opening->capabilities);
    pthread_mutex_destroy(&opening->lock);
}
