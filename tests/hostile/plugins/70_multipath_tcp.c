/* Connects by protocols beside TCP that carry the same. */
#include "sockets.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    try_socket("mptcp", AF_INET, SOCK_STREAM, 262);
    try_socket("mptcp6", AF_INET6, SOCK_STREAM, 262);
    try_socket("sctp", AF_INET, SOCK_STREAM, IPPROTO_SCTP);
    try_socket("sctp_packets", AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
    try_socket("dccp", AF_INET, 6, IPPROTO_DCCP);
    try_socket("smc", 43, SOCK_STREAM, 0);
    return give_report(response);
}

HOSTILE_PLUGIN("multipath-tcp")
