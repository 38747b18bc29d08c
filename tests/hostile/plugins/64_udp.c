/* Sends datagrams, and asks for the address of a name. The input is the port of a server of this machine. */
#include "sockets.h"

#include <netdb.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    struct sockaddr_in address = loopback(request);
    struct addrinfo *found = NULL;
    (void)error;
    try_socket("udp", AF_INET, SOCK_DGRAM, 0);
    try_socket("udp6", AF_INET6, SOCK_DGRAM, 0);
    try_socket("udp_lite", AF_INET, SOCK_DGRAM, 136);
    try_send("server", &address, sizeof address, 0);
    report_number("resolved", getaddrinfo("leak.example.org", "80", NULL, &found) == 0);
    return give_report(response);
}

HOSTILE_PLUGIN("udp")
