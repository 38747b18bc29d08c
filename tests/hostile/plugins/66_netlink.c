/* Speaks to the kernel and to the machine's host by sockets of other families. */
#include "sockets.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    static const struct {
        const char *name;
        int family, type, protocol;
    } kinds[] = {{"netlink_route", AF_NETLINK, SOCK_RAW, 0},
                 {"netlink_audit", AF_NETLINK, SOCK_RAW, 9},
                 {"netlink_events", AF_NETLINK, SOCK_DGRAM, 15},
                 {"vsock", AF_VSOCK, SOCK_STREAM, 0},
                 {"vsock_datagram", AF_VSOCK, SOCK_DGRAM, 0},
                 {"crypto", AF_ALG, SOCK_SEQPACKET, 0},
                 {"bluetooth", AF_BLUETOOTH, SOCK_RAW, 1},
                 {"can", AF_CAN, SOCK_RAW, 1},
                 {"tipc", AF_TIPC, SOCK_STREAM, 0},
                 {"xdp", AF_XDP, SOCK_RAW, 0}};
    (void)request, (void)error;
    for (size_t index = 0; index < sizeof kinds / sizeof *kinds; index++) {
        try_socket(kinds[index].name, kinds[index].family, kinds[index].type, kinds[index].protocol);
    }
    return give_report(response);
}

HOSTILE_PLUGIN("netlink")
