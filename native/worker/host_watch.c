#include "host_watch.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static int watched;

static void *watch_host(void *unused) {
    struct pollfd polled = {.fd = watched, .events = POLLRDHUP};
    (void)unused;
    for (;;) {
        if (poll(&polled, 1, -1) > 0 && (polled.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0) {
            _exit(0);
        }
    }
    return NULL;
}

bool lao__host_watch_start(int control) {
    pthread_t thread;
    watched = control;
    return pthread_create(&thread, NULL, watch_host, NULL) == 0;
}
