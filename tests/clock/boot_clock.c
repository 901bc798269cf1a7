/* Adds to CLOCK_BOOTTIME what a file says, in milliseconds: a machine that was suspended, or has just
 * been booted. libfaketime cannot: it fakes this clock together with CLOCK_MONOTONIC, or not at all. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef int clock_function(clockid_t, struct timespec *);

int clock_gettime(clockid_t clock, struct timespec *time) {
    static clock_function *next;
    if (next == NULL)
        next = (clock_function *)dlsym(RTLD_NEXT, "clock_gettime");
    int result = next(clock, time);
    const char *path = getenv("FAKE_BOOT_CLOCK_FILE");
    if (clock != CLOCK_BOOTTIME || result != 0 || path == NULL)
        return result;
    FILE *file = fopen(path, "re");
    long long more = 0;
    if (file == NULL || fscanf(file, "%lld", &more) != 1)
        abort(); /* A test that fakes nothing would prove nothing. */
    fclose(file);
    long long ms = time->tv_sec * 1000LL + time->tv_nsec / 1000000 + more;
    time->tv_sec = ms / 1000;
    time->tv_nsec = ms % 1000 * 1000000;
    return 0;
}
