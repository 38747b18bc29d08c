/* Reads and adds keys of the user's and of the session. */
#include "hostile.h"

#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    tried("keyctl", syscall(SYS_keyctl, 0 /* GET_KEYRING_ID */, -3, 1));
    tried("add_key", syscall(SYS_add_key, "user", "hostile", "x", 1, -3));
    tried("request_key", syscall(SYS_request_key, "user", "hostile", NULL, -3));
    return give_report(response);
}

HOSTILE_PLUGIN("keys")
