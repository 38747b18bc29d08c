/* Makes what is no file in its directory: devices, by which all memory and every disk can be read, pipes and sockets. */
#include "hostile.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int server;
    (void)request, (void)error;
    tried("chdir", chdir(data_dir));
    tried("memory", mknod("memory", S_IFCHR | 0600, makedev(1, 1)));
    tried("disk", mknod("disk", S_IFBLK | 0600, makedev(8, 0)));
    tried("null", mknodat(-100, "null", S_IFCHR | 0600, makedev(1, 3)));
    tried("fifo", mkfifo("fifo", 0600));
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    tried("socket", server);
    if (server >= 0) {
        tried("bind", bind(server, (struct sockaddr *)&address, sizeof address));
    }
    return give_report(response);
}

HOSTILE_PLUGIN("makes-nodes")
