/* How a worker's questions to the host travel over the socket at LAO__WORKER_SERVICES, in the machine's byte order.
 *
 * Each frame is a head, a header (JSON; of a reply that failed: the reason) and a body. The same numbers stand in
 * lao/host/services/framing.py. */
#ifndef LAO_IPC_SERVICE_FRAME_H
#define LAO_IPC_SERVICE_FRAME_H

#include <stdint.h>

#define LAO__SERVICE_ONE_WAY 0u /* the id of a question that nobody waits for */

typedef struct lao__service_ask_head {
    uint32_t size; /* bytes behind the head: header and body */
    uint32_t id; /* chosen by the asker; of no other question that is open; of LAO__SERVICE_CANCEL: of the one to end */
    uint32_t service;
    uint32_t kind;
    uint32_t header_size;
    uint32_t reserved; /* 0 */
} lao__service_ask_head_t;

typedef struct lao__service_reply_head {
    uint32_t size;
    uint32_t id;
    uint32_t status;
    uint32_t kind;
    uint32_t header_size;
    uint32_t has_descriptor; /* 1: it came along with the first byte of the head */
} lao__service_reply_head_t;

#endif
