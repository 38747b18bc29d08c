/* Of those that may connect to one server: everything else that a socket could do. The input is "ALLOWED FORBIDDEN", two ports
 * of this machine. */
#include "hostile.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    struct sockaddr_in forbidden, any = loopback(0);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int allowed_port, forbidden_port, file, one = 1;
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_name = &forbidden, .msg_namelen = sizeof forbidden, .msg_iov = &part, .msg_iovlen = 1};
    if (sscanf(input_text(request), "%d %d", &allowed_port, &forbidden_port) != 2) {
        return lao_fail(error, LAO_INVALID_INPUT, "two ports are wanted");
    }
    forbidden = loopback(forbidden_port);
    file = socket(AF_INET, SOCK_STREAM, 0);
    tried("forbidden", connect(file, (struct sockaddr *)&forbidden, sizeof forbidden));
    tried("short", connect(file, (struct sockaddr *)&forbidden, 4));
    tried("null", connect(file, NULL, sizeof forbidden));
    tried("unspecified", connect(file, &none, sizeof none));
    tried("not_a_socket", connect(1, (struct sockaddr *)&forbidden, sizeof forbidden));
    tried("bind", bind(file, (struct sockaddr *)&any, sizeof any));
    tried("listen", listen(file, 1));
    tried("sendto", sendto(file, &byte, 1, MSG_FASTOPEN, (struct sockaddr *)&forbidden, sizeof forbidden));
    tried("sendmsg", sendmsg(file, &message, MSG_FASTOPEN));
    tried("option", setsockopt(file, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one));
    tried("udp", socket(AF_INET, SOCK_DGRAM, 0));
    tried("unix", socket(AF_UNIX, SOCK_STREAM, 0));
    tried("mptcp", socket(AF_INET, SOCK_STREAM, 262));
    tried("raw", socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
    tried("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
    return give_report(response);
}

HOSTILE_PLUGIN("other-ways-out")
