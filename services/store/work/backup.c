#include "services/store/work/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "services/store/tables/chain.h"
#include "services/store/tables/incarnation.h"
#include "services/store/tables/journal.h"

enum { STEP_BYTES = 1 << 20, FILES_MAX = 4096, NAME_LIMIT = 64, CACHE_BYTES = 16 << 20 };

struct file {
    char name[NAME_LIMIT];
    int64_t copied;
    int64_t end; /* of the last log; else 0: the file's own */
};

struct backup {
    struct db *db;
    char *target, *partial;
    struct file files[FILES_MAX]; /* tables first, then logs in their order */
    size_t count, at;
    bool made; /* the partial directory is ours */
    int64_t bytes;
    char *buffer;
};

static bool is_log(const char *name)
{
    return strncmp(name, "log.", 4) == 0;
}

static bool is_table(const char *name)
{
    size_t len = strlen(name);

    return len > 3 && strcmp(name + len - 3, ".db") == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static bool has_file(const struct backup *backup, const char *name)
{
    for (size_t i = 0; i < backup->count; i++) {
        if (strcmp(backup->files[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Adds those that are not there yet, in the order of their names. */
static int list_files(struct backup *backup, bool (*wanted)(const char *name), struct error *error)
{
    const char *directory = db_directory(backup->db);
    DIR *dir = opendir(directory);
    size_t first = backup->count;
    const struct dirent *entry;

    if (!dir)
        return error_set(error, "cannot read '%s': %s", directory, strerror(errno));
    while ((entry = readdir(dir)) && backup->count < FILES_MAX) {
        if (!wanted(entry->d_name) || strlen(entry->d_name) >= NAME_LIMIT ||
            has_file(backup, entry->d_name))
            continue;
        struct file *file = &backup->files[backup->count++];
        *file = (struct file){.copied = 0};
        memcpy(file->name, entry->d_name, strlen(entry->d_name));
    }
    closedir(dir);
    qsort(backup->files + first, backup->count - first, sizeof(struct file), by_name);
    return 0;
}

static int64_t size_of(const char *directory, const char *name)
{
    struct arena arena = ARENA_INIT;
    struct stat found;
    int64_t size =
        stat(arena_printf(&arena, "%s/%s", directory, name).ptr, &found) == 0 ? found.st_size : 0;

    arena_done(&arena);
    return size;
}

static int check_space(const struct backup *backup, int64_t floor, struct error *error)
{
    struct statvfs volume;
    int64_t needed = 0;

    for (size_t i = 0; i < backup->count; i++)
        needed += size_of(db_directory(backup->db), backup->files[i].name);
    if (statvfs(backup->partial, &volume) < 0)
        return error_set(error, "cannot look at '%s': %s", backup->partial, strerror(errno));
    int64_t free_bytes = (int64_t)volume.f_bavail * (int64_t)volume.f_frsize;
    if (free_bytes - needed < floor)
        return error_set(error,
                         "the backup needs %" PRId64 " MiB, and %" PRId64 " MiB must stay free; "
                         "%" PRId64 " MiB are free there",
                         needed >> 20, floor >> 20, free_bytes >> 20);
    return 0;
}

static int make_directory(struct backup *backup, struct error *error)
{
    if (backup->target[0] != '/')
        return error_set(error, "'%s' is not an absolute path", backup->target);
    if (access(backup->target, F_OK) == 0)
        return error_set(error, "'%s' exists already", backup->target);
    if (mkdir(backup->partial, 0700) < 0)
        return error_set(error, "the store cannot make '%s': %s", backup->partial, strerror(errno));
    backup->made = true;
    return 0;
}

int backup_begin(struct backup **ret, struct db *db, const char *target, int64_t floor,
                 struct error *error)
{
    struct backup *backup = mem_alloc_zero(sizeof(*backup));
    struct arena arena = ARENA_INIT;

    backup->db = db;
    backup->target = mem_strdup(target);
    backup->partial = mem_strdup(arena_printf(&arena, "%s.partial", target).ptr);
    backup->buffer = mem_alloc(STEP_BYTES);
    arena_done(&arena);
    if (make_directory(backup, error) < 0 || list_files(backup, is_table, error) < 0 ||
        list_files(backup, is_log, error) < 0 || check_space(backup, floor, error) < 0) {
        backup_end(backup);
        return -1;
    }
    db_checkpoint(db, 0);
    db_keep_logs(db, true);
    backup->count = 0;
    if (list_files(backup, is_table, error) < 0) {
        backup_end(backup);
        return -1;
    }
    *ret = backup;
    return 0;
}

static int failed(const char *what, const char *name, struct error *error)
{
    return error_set(error, "cannot %s '%s': %s", what, name, strerror(errno));
}

static int open_at(const char *directory, const char *name, int flags)
{
    struct arena arena = ARENA_INIT;
    int fd = open(arena_printf(&arena, "%s/%s", directory, name).ptr, flags | O_CLOEXEC, 0600);

    arena_done(&arena);
    return fd;
}

static size_t step_of(const struct file *file)
{
    int64_t rest = file->end > 0 ? file->end - file->copied : STEP_BYTES;

    return rest < STEP_BYTES ? (size_t)rest : STEP_BYTES;
}

/* The next bytes of the file; how many, 0 at its end. */
static ssize_t copy_some(struct backup *backup, struct file *file, struct error *error)
{
    int from = open_at(db_directory(backup->db), file->name, O_RDONLY);
    int to = open_at(backup->partial, file->name, O_WRONLY | O_CREAT);
    ssize_t got = -1, put = -1;

    if (from >= 0 && to >= 0)
        got = pread(from, backup->buffer, step_of(file), file->copied);
    if (got >= 0)
        put = pwrite(to, backup->buffer, (size_t)got, file->copied);
    if (got < 0 || put != got)
        failed("copy", file->name, error);
    else
        file->copied += got;
    if (put > 0)
        sync_file_range(to, file->copied - put, put, SYNC_FILE_RANGE_WRITE);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    backup->bytes += put > 0 ? put : 0;
    return put == got ? got : -1;
}

static bool is_whole(const struct backup *backup, const struct file *file)
{
    int64_t end = file->end > 0 ? file->end : size_of(db_directory(backup->db), file->name);

    return file->copied >= end;
}

/* Where the logs end just now. The last one's file is longer than what is in it. */
static int find_ends(struct backup *backup, struct error *error)
{
    char last[NAME_LIMIT];
    int64_t end;

    if (db_log_end(backup->db, last, sizeof(last), &end, error) < 0 ||
        list_files(backup, is_log, error) < 0)
        return -1;
    for (size_t i = 0; i < backup->count; i++)
        backup->files[i].end = strcmp(backup->files[i].name, last) == 0 ? end : 0;
    return 0;
}

/* What is left of the last log is copied in this very step, so that nothing is added meanwhile. 1:
 * all is copied. */
static int copy_logs(struct backup *backup, struct error *error)
{
    if (find_ends(backup, error) < 0)
        return -1;
    for (size_t i = 0; i < backup->count; i++) {
        struct file *file = &backup->files[i];
        if (!is_log(file->name) || is_whole(backup, file))
            continue;
        bool is_rest = file->end > 0 && file->end - file->copied <= STEP_BYTES;
        if (copy_some(backup, file, error) < 0)
            return -1;
        return is_rest && is_whole(backup, file);
    }
    return 1;
}

int backup_step(struct backup *backup, struct error *error)
{
    if (backup->at == backup->count || is_log(backup->files[backup->at].name))
        return copy_logs(backup, error);
    ssize_t copied = copy_some(backup, &backup->files[backup->at], error);
    if (copied < 0)
        return -1;
    if (copied < STEP_BYTES)
        backup->at++;
    return 0;
}

static int read_all(struct db *db, struct backup_result *ret, struct error *error)
{
    struct str key, value;

    for (enum table table = 0; table < TABLE_COUNT; table++) {
        struct db_cursor cursor = db_ascend(db, table, STR_NONE);
        while (db_step(&cursor, &key, &value))
            ret->entries++;
        db_cursor_done(&cursor);
    }
    return db_failed(db, error) ? -1 : 0;
}

static int prove_journal(struct db *db, struct error *error)
{
    struct journal_verify_params params = {.after = STR_NONE};
    struct arena arena = ARENA_INIT;
    struct journal_verify_result part;
    int result = 0;

    do {
        result = chain_verify(db, &params, &arena, &part, error);
        params.after = part.at;
        params.hash = part.hash;
        if (result == 0 && part.breaks.count > 0)
            result = error_set(error, "the journal of the copy is broken at " STR_FMT,
                               STR_ARG(part.breaks.items[0].at));
    } while (result == 0 && part.more);
    arena_done(&arena);
    return result;
}

static int prove(struct db *db, int64_t least_seq, struct backup_result *ret, struct error *error)
{
    ret->seq = journal_last_seq(db);
    if (ret->seq < least_seq)
        return error_set(error, "the copy ends at seq %" PRId64 " instead of %" PRId64, ret->seq,
                         least_seq);
    if (read_all(db, ret, error) < 0 || prove_journal(db, error) < 0)
        return -1;
    return incarnation_forget(db, error);
}

static int sync_all(const struct backup *backup, struct error *error)
{
    DIR *dir = opendir(backup->partial);
    const struct dirent *entry;
    int result = 0;

    if (!dir)
        return failed("read", backup->partial, error);
    while (result == 0 && (entry = readdir(dir))) {
        int fd = open_at(backup->partial, entry->d_name, O_RDONLY);
        if (fd < 0 || fsync(fd) < 0)
            result = failed("write", entry->d_name, error);
        if (fd >= 0)
            close(fd);
    }
    closedir(dir);
    return result;
}

int backup_prove(struct backup *backup, int64_t least_seq, struct backup_result *ret,
                 struct error *error)
{
    struct db_options options = {
        .directory = backup->partial, .cache_bytes = CACHE_BYTES, .recover_from_first_log = true};
    struct db *db = NULL;

    *ret = (struct backup_result){.bytes = backup->bytes};
    int result = db_open(&db, &options, error);
    if (result == 0)
        result = prove(db, least_seq, ret, error);
    db_close(db);
    return result == 0 ? sync_all(backup, error) : -1;
}

int backup_name(struct backup *backup, struct error *error)
{
    if (rename(backup->partial, backup->target) < 0)
        return failed("name", backup->target, error);
    backup->made = false;
    return 0;
}

static void remove_partial(const struct backup *backup)
{
    DIR *dir = opendir(backup->partial);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (is_table(entry->d_name) || is_log(entry->d_name))
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir)
        closedir(dir);
    rmdir(backup->partial);
}

void backup_end(struct backup *backup)
{
    if (!backup)
        return;
    db_keep_logs(backup->db, false);
    if (backup->made)
        remove_partial(backup);
    mem_free(backup->target);
    mem_free(backup->partial);
    mem_free(backup->buffer);
    mem_free(backup);
}
