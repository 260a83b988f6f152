/* Faults for the program that it is preloaded into, and for what that starts; `shim.py` builds it and switches it.

   FAULTS_CONTROL   a file of three numbers (int64), read anew at each call:
                    0  milliseconds by which the wall clock goes wrong
                    1  the errno of a sync; 0: none fails
                    2  the errno of a write, and where it is EROFS, of whatever else would change the disk; 0: none fails
   FAULTS_UNDER     the folder in which files fail; all others are left alone */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int64_t calm[3];
static volatile int64_t *control = calm;
static char under[4096] = "//nowhere";

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_CONTROL"), *folder = getenv("FAULTS_UNDER");
    if (!path || !folder) return;
    int file = REAL(int, "open64", const char *, int, ...)(path, O_RDONLY | O_CLOEXEC);
    void *found = file < 0 ? MAP_FAILED : mmap(NULL, sizeof calm, PROT_READ, MAP_SHARED, file, 0);
    if (found == MAP_FAILED) {
        fprintf(stderr, "faults: %s cannot be read\n", path);
        abort();
    }
    close(file);
    snprintf(under, sizeof under, "%s/", folder);
    control = found;
}

static int named(const char *path) { return strncmp(path, under, strlen(under)) == 0; }

static int held(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return named(path);
}

static int fails(int64_t error, int concerned) {
    if (error && concerned) errno = (int)error;
    return error && concerned;
}

static int64_t changes(void) { return control[2] == EROFS ? EROFS : 0; }

static int read_only(const char *path) { return fails(changes(), named(path)); }

/* ------------------------------------------------------------------------------------------ the wall clock */

int clock_gettime(clockid_t which, struct timespec *now) {
    int answer = REAL(int, "clock_gettime", clockid_t, struct timespec *)(which, now);
    if (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE) {
        int64_t all = now->tv_sec * 1000000000LL + now->tv_nsec + control[0] * 1000000LL;
        now->tv_sec = all / 1000000000LL;
        now->tv_nsec = all % 1000000000LL;
    }
    return answer;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int answer = REAL(int, "gettimeofday", struct timeval *, void *)(now, zone);
    int64_t all = now->tv_sec * 1000000LL + now->tv_usec + control[0] * 1000LL;
    now->tv_sec = all / 1000000LL;
    now->tv_usec = all % 1000000LL;
    return answer;
}

time_t time(time_t *now) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (now) *now = found.tv_sec;
    return found.tv_sec;
}

/* ------------------------------------------------------------------------------------------ the disk */

#define ON_A_FILE(type, name, error, arguments, declared, given)                                                      \
    type name declared {                                                                                               \
        if (fails(error, error && held(file))) return -1;                                                              \
        return ((type(*) arguments)dlsym(RTLD_NEXT, #name))given;                                                      \
    }

ON_A_FILE(int, fsync, control[1], (int), (int file), (file))
ON_A_FILE(int, fdatasync, control[1], (int), (int file), (file))
ON_A_FILE(ssize_t, write, control[2], (int, const void *, size_t), (int file, const void *data, size_t size),
          (file, data, size))
ON_A_FILE(ssize_t, pwrite, control[2], (int, const void *, size_t, off_t),
          (int file, const void *data, size_t size, off_t at), (file, data, size, at))
ON_A_FILE(ssize_t, pwrite64, control[2], (int, const void *, size_t, off64_t),
          (int file, const void *data, size_t size, off64_t at), (file, data, size, at))
ON_A_FILE(int, ftruncate, changes(), (int, off_t), (int file, off_t size), (file, size))
ON_A_FILE(int, ftruncate64, changes(), (int, off64_t), (int file, off64_t size), (file, size))

#define OPENS(name)                                                                                                    \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;                                      \
        va_end(more);                                                                                                  \
        if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) && read_only(path)) return -1;                             \
        return REAL(int, #name, const char *, int, ...)(path, flags, mode);                                            \
    }

OPENS(open)
OPENS(open64)

int rename(const char *from, const char *to) {
    return read_only(to) ? -1 : REAL(int, "rename", const char *, const char *)(from, to);
}

int unlink(const char *path) { return read_only(path) ? -1 : REAL(int, "unlink", const char *)(path); }

int mkdir(const char *path, mode_t mode) {
    return read_only(path) ? -1 : REAL(int, "mkdir", const char *, mode_t)(path, mode);
}
