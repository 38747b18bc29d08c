/* Of those that may connect to one server: swaps the address for another one while the host looks at it. The input is
 * "ALLOWED FORBIDDEN", two ports of this machine. */
#include "hostile.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

static struct sockaddr_in address;
static atomic_bool done;
static uint16_t ports[2];

static void *swap(void *unused) {
    for (unsigned turn = 0; !atomic_load_explicit(&done, memory_order_relaxed); turn++) {
        __atomic_store_n(&address.sin_port, ports[turn & 1], __ATOMIC_RELAXED);
    }
    return unused;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int allowed, forbidden, connected = 0, refused = 0;
    pthread_t thread;
    if (sscanf(input_text(request), "%d %d", &allowed, &forbidden) != 2) {
        return lao_fail(error, LAO_INVALID_INPUT, "two ports are wanted");
    }
    ports[0] = htons((uint16_t)allowed), ports[1] = htons((uint16_t)forbidden);
    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = ports[0], .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    atomic_store(&done, false);
    if (pthread_create(&thread, NULL, swap, NULL) != 0) {
        return lao_fail(error, LAO_FAILED, "no thread");
    }
    for (int round = 0; round < 300; round++) {
        int file = socket(AF_INET, SOCK_STREAM, 0);
        if (file < 0) {
            tried("socket", -1);
            break;
        }
        if (connect(file, (struct sockaddr *)&address, sizeof address) == 0) {
            struct sockaddr_in peer;
            socklen_t size = sizeof peer;
            connected += getpeername(file, (struct sockaddr *)&peer, &size) == 0 && peer.sin_port == ports[0];
        } else {
            refused++;
        }
        close(file);
    }
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    report_number("connected", connected);
    report_number("refused", refused);
    return give_report(response);
}

HOSTILE_PLUGIN("connect-race")
