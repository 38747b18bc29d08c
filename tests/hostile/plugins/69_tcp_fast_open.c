/* Sends data with the first packet of a connection, which some filters do not take for a connection. The input is a port. */
#include "sockets.h"

#include <netinet/tcp.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    struct sockaddr_in address = loopback(request);
    int one = 1;
    (void)error;
    try_socket("tcp", AF_INET, SOCK_STREAM, IPPROTO_TCP);
    try_send("fast", &address, sizeof address, MSG_FASTOPEN);
    tried("option", setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one));
    return give_report(response);
}

HOSTILE_PLUGIN("tcp-fast-open")
