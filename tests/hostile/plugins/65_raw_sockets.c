/* Writes and reads whole packets. */
#include "sockets.h"

#include <linux/if_ether.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    try_socket("raw", AF_INET, SOCK_RAW, IPPROTO_RAW);
    try_socket("icmp", AF_INET, SOCK_RAW, IPPROTO_ICMP);
    try_socket("ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    try_socket("packet", AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    try_socket("packet_datagram", AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
    return give_report(response);
}

HOSTILE_PLUGIN("raw-sockets")
