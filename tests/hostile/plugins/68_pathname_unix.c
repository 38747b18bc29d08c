/* Connects to a service of this machine by its socket's path, which is the input. */
#include "sockets.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    const char *name = input_text(request);
    struct sockaddr_un address;
    (void)error;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path + 0, sizeof address.sun_path - 0, "%.100s", name);
    try_socket("stream", AF_UNIX, SOCK_STREAM, 0);
    try_socket("datagram", AF_UNIX, SOCK_DGRAM, 0);
    try_socket("packets", AF_UNIX, SOCK_SEQPACKET, 0);
    try_send("service", &address, sizeof address, 0);
    return give_report(response);
}

HOSTILE_PLUGIN("pathname-unix")
