/* Stands between the program and the kernel, for what the program does to one folder.
 *
 * Loaded with LD_PRELOAD. It does not replace functions of libc, because parts of the program make their
 * system calls without it: a seccomp filter hands every interesting call to `on_call`, which makes it
 * again with MAGIC in the unused sixth argument, by which the filter knows it.
 *
 *   CRASH_FOLDER   the folder, an absolute path
 *   CRASH_AT       kill the process before its n-th step: a change in the folder, a log line, a request
 *   CRASH_RECORD   a file outside of the folder to which every step is appended, see recording.rs
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the registers of a trapped call are known for x86_64 only"
#endif

#define MAGIC 0x706f736bL
#define RECORD_FD 900
#define CALL(nr, a, b, c, d, e) syscall(nr, a, b, c, d, e, MAGIC)

enum step { CREATE = 1, WRITE, TRUNCATE, CHMOD, SYNC, SYNC_FOLDER, RENAME, UNLINK, SEND, LOG };

struct head {
    uint32_t step, mode, first_len, second_len, data_len, unused;
    uint64_t inode, offset;
};

static char folder[512];
static size_t folder_len;
static long crash_at, steps;
static int is_recording;
static volatile int locked;

static void lock(void) {
    while (__sync_lock_test_and_set(&locked, 1)) sched_yield();
}

static void unlock(void) {
    __sync_lock_release(&locked);
}

static void give_up(const char *what, long nr) {
    char text[200];
    int length = snprintf(text, sizeof text, "crash shim: %s (system call %ld)\n", what, nr);
    CALL(SYS_write, 2, text, length, 0, 0);
    syscall(SYS_exit_group, 99);
}

/* Before a step, with the lock held: it may be the last that is not made. */
static void count(void) {
    if (++steps == crash_at) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) sched_yield();
    }
}

static void record(struct head head, const char *first, const char *second, const void *data) {
    if (!is_recording) return;
    head.first_len = first ? strlen(first) : 0;
    head.second_len = second ? strlen(second) : 0;
    struct iovec parts[] = {
        {&head, sizeof head},
        {(void *)first, head.first_len},
        {(void *)second, head.second_len},
        {(void *)data, head.data_len},
    };
    long whole = sizeof head + head.first_len + head.second_len + head.data_len;
    if (CALL(SYS_writev, RECORD_FD, parts, 4, 0, 0) != whole) give_up("the record cannot be written", SYS_writev);
}

/* The name below the folder, which is the working directory, too; null where the path leads elsewhere. */
static const char *below(const char *path) {
    if (path[0] != '/') return path;
    if (strncmp(path, folder, folder_len) != 0 || path[folder_len] != '/') return NULL;
    return path + folder_len + 1;
}

enum kind { ELSEWHERE, IN_FOLDER, THE_FOLDER, SOCKET, STDERR };

static enum kind kind_of(int fd, struct stat *found) {
    char link[40], path[1024];
    if (fd == 2) return STDERR;
    if (fstat(fd, found) != 0) return ELSEWHERE;
    if (S_ISSOCK(found->st_mode)) return SOCKET;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return ELSEWHERE;
    path[length] = 0;
    if (S_ISDIR(found->st_mode)) return strcmp(path, folder) == 0 ? THE_FOLDER : ELSEWHERE;
    return path[0] == '/' && below(path) ? IN_FOLDER : ELSEWHERE;
}

static long result_of(long result) {
    return result == -1 ? -errno : result;
}

static long pass_on(long nr, long *a) {
    return result_of(CALL(nr, a[0], a[1], a[2], a[3], a[4]));
}

/* A log line or a request: noted before it leaves, made without the lock because it may wait. */
static long speak(enum step step, const void *data, size_t length, long nr, long *a) {
    lock();
    count();
    record((struct head){.step = step, .data_len = length > 4096 ? 4096 : length}, NULL, NULL, data);
    unlock();
    return pass_on(nr, a);
}

static long on_write(long nr, long *a) {
    struct stat found;
    const void *data = (const void *)a[1];
    switch (kind_of(a[0], &found)) {
    case STDERR: return speak(LOG, data, a[2], nr, a);
    case SOCKET: return speak(SEND, data, a[2], nr, a);
    case IN_FOLDER: break;
    default: return pass_on(nr, a);
    }
    lock();
    count();
    off_t offset = nr == SYS_pwrite64                ? a[3]
                 : fcntl(a[0], F_GETFL) & O_APPEND   ? found.st_size
                                                     : lseek(a[0], 0, SEEK_CUR);
    long result = pass_on(nr, a);
    if (result > 0)
        record((struct head){.step = WRITE, .inode = found.st_ino, .offset = offset, .data_len = result}, NULL, NULL, data);
    unlock();
    return result;
}

/* Calls with a list of pieces: one way for requests to leave. */
static long on_pieces(long nr, long *a) {
    struct stat found;
    const struct iovec *pieces = nr == SYS_sendmsg ? ((struct msghdr *)a[1])->msg_iov : (struct iovec *)a[1];
    switch (kind_of(a[0], &found)) {
    case STDERR: return speak(LOG, pieces[0].iov_base, pieces[0].iov_len, nr, a);
    case SOCKET: return speak(SEND, pieces[0].iov_base, pieces[0].iov_len, nr, a);
    case IN_FOLDER: give_up("a list of pieces was written to a file", nr); /* fall through */
    default: return pass_on(nr, a);
    }
}

static long on_open(long nr, long *a) {
    const char *path = (const char *)a[1], *name = below(path);
    if (!name || !(a[2] & (O_CREAT | O_TRUNC))) return pass_on(nr, a);
    if ((a[2] & O_TMPFILE) == O_TMPFILE) give_up("a file without a name was made", nr);
    struct stat before, after;
    lock();
    int existed = fstatat(a[0], path, &before, AT_SYMLINK_NOFOLLOW) == 0;
    if (!existed || (a[2] & O_TRUNC)) count();
    long result = pass_on(nr, a);
    if (result >= 0 && fstat(result, &after) == 0) {
        if (!existed)
            record((struct head){.step = CREATE, .inode = after.st_ino, .mode = after.st_mode & 07777}, name, NULL, NULL);
        else if (a[2] & O_TRUNC)
            record((struct head){.step = TRUNCATE, .inode = after.st_ino}, NULL, NULL, NULL);
    }
    unlock();
    return result;
}

static long on_file(long nr, long *a) {
    struct stat found;
    enum kind kind = kind_of(a[0], &found);
    int is_sync = nr == SYS_fsync || nr == SYS_fdatasync;
    if (kind != IN_FOLDER && !(kind == THE_FOLDER && is_sync)) return pass_on(nr, a);
    struct head head = {.inode = found.st_ino};
    switch (nr) {
    case SYS_ftruncate: head.step = TRUNCATE, head.offset = a[1]; break;
    case SYS_fchmod: head.step = CHMOD, head.mode = a[1]; break;
    case SYS_fsync:
    case SYS_fdatasync: head.step = kind == THE_FOLDER ? SYNC_FOLDER : SYNC; break;
    default: give_up("a call that the model of the disk does not know", nr);
    }
    lock();
    count();
    long result = pass_on(nr, a);
    if (result == 0) record(head, NULL, NULL, NULL);
    unlock();
    return result;
}

static long on_names(long nr, long *a) {
    const char *first = NULL, *second = NULL;
    switch (nr) {
    case SYS_unlink: first = (char *)a[0]; break;
    case SYS_unlinkat: first = (char *)a[1]; break;
    case SYS_rename: first = (char *)a[0], second = (char *)a[1]; break;
    case SYS_renameat:
    case SYS_renameat2: first = (char *)a[1], second = (char *)a[3]; break;
    default: give_up("a call that the model of the disk does not know", nr);
    }
    if (!below(first)) return pass_on(nr, a);
    if (nr == SYS_renameat2 && (a[4] & ~RENAME_NOREPLACE)) give_up("an exchange of names", nr);
    lock();
    count();
    long result = pass_on(nr, a);
    if (result == 0)
        record((struct head){.step = second ? RENAME : UNLINK}, below(first), second ? below(second) : NULL, NULL);
    unlock();
    return result;
}

static void on_call(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    long a[] = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10], registers[REG_R8]};
    int saved = errno;
    long nr = info->si_syscall, result;
    (void)signal;
    switch (nr) {
    case SYS_openat: result = on_open(nr, a); break;
    case SYS_write:
    case SYS_pwrite64:
    case SYS_sendto: result = on_write(nr, a); break;
    case SYS_writev:
    case SYS_sendmsg: result = on_pieces(nr, a); break;
    case SYS_pwritev:
    case SYS_pwritev2:
    case SYS_fallocate:
    case SYS_ftruncate:
    case SYS_fchmod:
    case SYS_fsync:
    case SYS_fdatasync: result = on_file(nr, a); break;
    default: result = on_names(nr, a); break;
    }
    registers[REG_RAX] = result;
    errno = saved;
}

static const int trapped[] = {
    SYS_openat, SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev, SYS_pwritev2, SYS_sendmsg, SYS_fallocate,
    SYS_ftruncate, SYS_fchmod, SYS_fsync, SYS_fdatasync, SYS_unlink, SYS_unlinkat, SYS_rename, SYS_renameat,
    SYS_renameat2,
    /* The program uses none of these today; the shim gives up if that changes. */
    SYS_creat, SYS_truncate, SYS_link, SYS_linkat, SYS_symlink, SYS_symlinkat, SYS_mkdir, SYS_mkdirat, SYS_rmdir,
    SYS_chmod, SYS_fchmodat, SYS_copy_file_range, SYS_io_uring_setup,
};
enum { TRAPPED = sizeof trapped / sizeof *trapped };

static void trap_calls(void) {
    struct sock_filter filter[TRAPPED + 16];
    int n = 0;
#define LOAD(field) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, yes, no) (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define END(action) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, action)
    filter[n++] = LOAD(arch);
    filter[n++] = IS(AUDIT_ARCH_X86_64, 1, 0);
    filter[n++] = END(SECCOMP_RET_ALLOW);
    filter[n++] = LOAD(nr);
    /* To a named address, e.g. systemd's: there all six arguments are used, and it is no vendor. */
    filter[n++] = IS(SYS_sendto, 0, 2);
    filter[n++] = LOAD(args[4]);
    filter[n++] = IS(0, TRAPPED + 1, TRAPPED);
    for (int i = 0; i < TRAPPED; i++) filter[n++] = IS(trapped[i], TRAPPED - i, 0);
    filter[n++] = END(SECCOMP_RET_ALLOW);
    filter[n++] = LOAD(args[5]);
    filter[n++] = IS(MAGIC, 0, 1);
    filter[n++] = END(SECCOMP_RET_ALLOW);
    filter[n++] = END(SECCOMP_RET_TRAP);
    struct sock_fprog program = {n, filter};
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (sigaction(SIGSYS, &action, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("crash shim: no seccomp filter");
        _exit(99);
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("CRASH_FOLDER"), *at = getenv("CRASH_AT"), *to = getenv("CRASH_RECORD");
    if (!where || strlen(where) >= sizeof folder) {
        fputs("crash shim: CRASH_FOLDER is absent or too long\n", stderr);
        _exit(99);
    }
    strcpy(folder, where);
    folder_len = strlen(folder);
    crash_at = at ? atol(at) : 0;
    if (to) {
        int fd = open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0 || dup3(fd, RECORD_FD, O_CLOEXEC) < 0) {
            perror("crash shim: the record cannot be opened");
            _exit(99);
        }
        close(fd);
        is_recording = 1;
    }
    trap_calls();
}
