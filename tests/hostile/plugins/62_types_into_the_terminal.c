/* Types a command into the user's terminal. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    char letter = 'x', what[16];
    struct termios settings;
    memset(&settings, 0, sizeof settings);
    (void)request, (void)error;
    tried("tty", open("/dev/tty", O_RDWR));
    tried("console", open("/dev/console", O_RDWR));
    tried("ptmx", open("/dev/ptmx", O_RDWR));
    for (int number = 0; number < 3; number++) {
        snprintf(what, sizeof what, "type_%d", number);
        tried(what, ioctl(number, TIOCSTI, &letter));
        snprintf(what, sizeof what, "linux_%d", number);
        tried(what, ioctl(number, TIOCLINUX, &letter));
        snprintf(what, sizeof what, "set_%d", number);
        tried(what, tcsetattr(number, TCSANOW, &settings));
    }
    tried("take", ioctl(0, TIOCSCTTY, 1));
    report_number("terminals", isatty(0) + isatty(1) + isatty(2));
    return give_report(response);
}

HOSTILE_PLUGIN("types-into-the-terminal")
