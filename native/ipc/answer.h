/* What a worker answered, taken over by the host. */
#ifndef LAO_IPC_ANSWER_H
#define LAO_IPC_ANSWER_H

#include "worker_link.h"

/* Makes a value of a checked response: arrays are read in place and keep the worker's memory mapped, unless `stable` is
 * asked for; everything else is copied, since the worker could change it after the check, but for long texts and bytes,
 * which say so with LAO__VALUE_CHANGEABLE. Kind LAO_KIND_NONE where the response carries no value. */
lao_status_t lao__answer_take_output(const lao__worker_link_t *link, const lao__frame_response_t *response, bool stable,
                                     lao_value_t *output, lao__error_t *error);

/* The error of a response that carries one; returns its status, or LAO_FAILED for one that only the host may give. */
lao_status_t lao__answer_take_error(const lao__worker_link_t *link, const lao__frame_response_t *response,
                                    lao__error_t *error);

#endif
