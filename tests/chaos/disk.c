/* A disk for the store under test, loaded before libc (LD_PRELOAD): it knows what was synced, so
 * that a power cut can be played, it can be full, and it can lie about syncing.
 *
 * CHAOS_DISK is the store's directory. CHAOS_SHADOW receives what would survive: on fsync and
 * fdatasync the bytes written since are copied there, renaming and removing happen there at once.
 * CHAOS_CONTROL is a file of which byte 0 says how full the disk is (see below) and byte 1, unless
 * 0, that syncing only pretends. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FILES = 256 };
enum { CONTROL_SPACE, CONTROL_LIES, CONTROL_SIZE };
enum { SPACE_PLENTY = 0, SPACE_LOW = 1, SPACE_NONE = 2 };

struct file {
    dev_t device;
    ino_t inode;
    bool used, ours;
    off_t from, to; /* written and not synced */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[FILES];
static char directory[PATH_MAX], shadow[PATH_MAX];
static const volatile unsigned char *control;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);
static int (*real_statvfs)(const char *, struct statvfs *);

#define FIND(name) (*(void **)&real_##name = dlsym(RTLD_NEXT, #name))

static void find_all(void)
{
    FIND(pwrite);
    FIND(write);
    FIND(ftruncate);
    FIND(unlink);
    FIND(rename);
    FIND(statvfs);
}

static void copy_setting(char *to, const char *name)
{
    const char *value = getenv(name);

    if (value)
        snprintf(to, PATH_MAX, "%s", value);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CHAOS_CONTROL");

    find_all();
    copy_setting(directory, "CHAOS_DISK");
    copy_setting(shadow, "CHAOS_SHADOW");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, CONTROL_SIZE, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        control = map;
}

static unsigned char controlled(int index)
{
    return control ? control[index] : 0;
}

/* The file's name below the directory, or NULL. */
static const char *below(const char *path)
{
    size_t length = strlen(directory);

    if (length == 0 || strncmp(path, directory, length) != 0 || path[length] != '/')
        return NULL;
    return path + length + 1;
}

static const char *path_of(int fd, char path[PATH_MAX])
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
    return below(path);
}

static struct file *file_of(int fd)
{
    struct stat status;
    struct file *empty = NULL;
    char path[PATH_MAX];

    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return NULL;
    for (size_t i = 0; i < FILES; i++) {
        struct file *file = &files[i];
        if (file->used && file->device == status.st_dev && file->inode == status.st_ino)
            return file->ours ? file : NULL;
        if (!file->used && !empty)
            empty = file;
    }
    if (!empty)
        abort();
    *empty = (struct file){.device = status.st_dev,
                           .inode = status.st_ino,
                           .used = true,
                           .ours = path_of(fd, path) != NULL};
    return empty->ours ? empty : NULL;
}

static void forget(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return;
    for (size_t i = 0; i < FILES; i++) {
        if (files[i].used && files[i].device == status.st_dev && files[i].inode == status.st_ino)
            files[i].used = false;
    }
}

static bool is_full(int fd, off_t end)
{
    struct stat status;

    return controlled(CONTROL_SPACE) == SPACE_NONE && fstat(fd, &status) == 0 &&
           end > status.st_size;
}

static void note(struct file *file, off_t from, ssize_t length)
{
    if (length <= 0)
        return;
    if (file->to == 0 || from < file->from)
        file->from = from;
    if (from + length > file->to)
        file->to = from + length;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    if (!real_pwrite)
        find_all();
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd);
    ssize_t written = -1;
    if (file && is_full(fd, at + (off_t)size))
        errno = ENOSPC;
    else
        written = real_pwrite(fd, bytes, size, at);
    if (file)
        note(file, at, written);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite(fd, bytes, size, at);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    if (!real_write)
        find_all();
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd);
    if (!file) {
        pthread_mutex_unlock(&lock);
        return real_write(fd, bytes, size);
    }
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t written = -1;
    if (is_full(fd, at + (off_t)size))
        errno = ENOSPC;
    else
        written = real_write(fd, bytes, size);
    note(file, at, written);
    pthread_mutex_unlock(&lock);
    return written;
}

static void shadow_path(char out[PATH_MAX], const char *name)
{
    int length = snprintf(out, PATH_MAX, "%s/%s", shadow, name);

    if (length < 0 || length >= PATH_MAX)
        abort();
}

/* In pieces: what is there when the process dies in the middle is what a real sync may leave too.
 */
static int copy_range(int from, int to, off_t at, off_t end)
{
    char piece[65536];

    while (at < end) {
        size_t wanted = (size_t)(end - at) < sizeof(piece) ? (size_t)(end - at) : sizeof(piece);
        ssize_t got = pread(from, piece, wanted, at);
        if (got <= 0)
            return (int)got;
        if (real_pwrite(to, piece, (size_t)got, at) != got)
            return -1;
        at += got;
    }
    return 0;
}

static int make_durable(int fd)
{
    char path[PATH_MAX], kept[PATH_MAX];
    struct file *file = file_of(fd);
    const char *name = path_of(fd, path);

    if (!file || !name || controlled(CONTROL_LIES))
        return 0;
    shadow_path(kept, name);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = open(kept, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int result = from < 0 || to < 0 ? -1 : copy_range(from, to, file->from, file->to);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    if (result == 0)
        file->from = file->to = 0;
    else
        errno = EIO;
    return result;
}

int fsync(int fd)
{
    pthread_mutex_lock(&lock);
    int result = make_durable(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

int ftruncate(int fd, off_t length)
{
    char path[PATH_MAX], kept[PATH_MAX];

    if (!real_ftruncate)
        find_all();
    int result = real_ftruncate(fd, length);
    const char *name = path_of(fd, path);
    if (result == 0 && name && !controlled(CONTROL_LIES)) {
        shadow_path(kept, name);
        struct stat status;
        if (stat(kept, &status) == 0 && status.st_size > length && truncate(kept, length) < 0)
            abort();
    }
    return result;
}

int unlink(const char *path)
{
    char kept[PATH_MAX];
    const char *name = below(path);

    if (!real_unlink)
        find_all();
    if (!name)
        return real_unlink(path);
    pthread_mutex_lock(&lock);
    forget(path);
    shadow_path(kept, name);
    real_unlink(kept);
    int result = real_unlink(path);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to)
{
    char kept_from[PATH_MAX], kept_to[PATH_MAX];
    const char *name_from = below(from), *name_to = below(to);

    if (!real_rename)
        find_all();
    int result = real_rename(from, to);
    if (result == 0 && name_from && name_to) {
        shadow_path(kept_from, name_from);
        shadow_path(kept_to, name_to);
        real_rename(kept_from, kept_to);
    }
    return result;
}

int statvfs(const char *path, struct statvfs *volume)
{
    if (!real_statvfs)
        find_all();
    int result = real_statvfs(path, volume);
    if (result == 0 && controlled(CONTROL_SPACE) != SPACE_PLENTY && strcmp(path, directory) == 0)
        volume->f_bavail = 0;
    return result;
}
