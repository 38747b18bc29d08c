/* What the plugins of the network share: the port or path to reach is the input, e.g. "43210" or "/run/socket". */
#ifndef LAO_TESTS_HOSTILE_SOCKETS_H
#define LAO_TESTS_HOSTILE_SOCKETS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "hostile.h"

HOSTILE_FN struct sockaddr_in loopback(const lao_request_t *request) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(input_text(request)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* Each attempt on its own: what a socket that was refused would have led to is tried on the ones the worker has. */
HOSTILE_FN void try_socket(const char *what, int family, int type, int protocol) {
    int file = socket(family, type, protocol);
    tried(what, file);
    if (file >= 0) {
        close(file);
    }
}

HOSTILE_FN void try_send(const char *what, const void *address, size_t size, int flags) {
    char name[64], byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_name = (void *)(uintptr_t)address, .msg_namelen = (socklen_t)size, .msg_iov = &part, .msg_iovlen = 1};
    int pair[2];
    snprintf(name, sizeof name, "%s_sendto", what);
    tried(name, sendto(3, &byte, 1, flags, (const struct sockaddr *)address, (socklen_t)size));
    snprintf(name, sizeof name, "%s_connect", what);
    tried(name, connect(3, (const struct sockaddr *)address, (socklen_t)size));
    snprintf(name, sizeof name, "%s_datagrams", what);
    if (tried(name, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)) == 0) {
        snprintf(name, sizeof name, "%s_sendmsg", what);
        tried(name, sendmsg(pair[0], &message, flags));
    }
}

#endif
