/* Connects to a server of this machine, and offers one itself. The input is the server's port. */
#include "sockets.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    struct sockaddr_in address = loopback(request);
    (void)error;
    try_socket("tcp", AF_INET, SOCK_STREAM, 0);
    try_socket("tcp6", AF_INET6, SOCK_STREAM, 0);
    try_send("server", &address, sizeof address, 0);
    address.sin_port = 0;
    tried("bind", bind(3, (struct sockaddr *)&address, sizeof address));
    tried("listen", listen(3, 1));
    tried("accept", accept(3, NULL, NULL));
    return give_report(response);
}

HOSTILE_PLUGIN("tcp")
