/* Whole files: what is read, what is refused, and that nobody waits. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/file.h"
#include "common/base/mem.h"

struct folder {
    char path[64];
    char *file;
};

static int set_up(void **state)
{
    struct folder *folder = mem_alloc_zero(sizeof(*folder));

    strcpy(folder->path, "/tmp/entitled-file-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    folder->file = mem_printf("%s/file", folder->path);
    *state = folder;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *folder = *state;

    unlink(folder->file);
    rmdir(folder->path);
    mem_free(folder->file);
    mem_free(folder);
    return 0;
}

static void write_file(const struct folder *folder, const char *text, size_t len)
{
    FILE *file = fopen(folder->file, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void assert_refused(const char *path, size_t limit, int reason, const char *why)
{
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct error error = {""};

    errno = 0;
    assert_int_equal(file_read(path, limit, &text, &error), -1);
    assert_int_equal(errno, reason);
    if (!strstr(error.text, path) || !strstr(error.text, why))
        fail_msg("expected '%s' in: %s", why, error.text);
}

static void a_file_is_appended_whole(void **state)
{
    const struct folder *folder = *state;
    cleanup(buf_done) struct buf text = BUF_INIT, large = BUF_INIT;
    struct error error;

    write_file(folder, "a\0b", 3);
    buf_append_text(&text, "before ");
    assert_int_equal(file_read(folder->file, 3, &text, &error), 0);
    assert_int_equal(text.len, 10);
    assert_memory_equal(text.data, "before a\0b", 10);
    for (size_t i = 0; i < 10000; i++)
        buf_append_char(&large, (char)('a' + i % 26));
    write_file(folder, large.data, large.len);
    buf_clear(&text);
    assert_int_equal(file_read(folder->file, large.len, &text, &error), 0);
    assert_true(str_eq(buf_str(&text), buf_str(&large)));
    assert_refused(folder->file, large.len - 1, EFBIG, "longer than 9999 bytes");
}

static void an_empty_file_is_no_absent_one(void **state)
{
    const struct folder *folder = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    assert_refused(folder->file, 10, ENOENT, "No such file");
    write_file(folder, "", 0);
    assert_int_equal(file_read(folder->file, 10, &text, NULL), 0);
    assert_int_equal(text.len, 0);
    assert_int_equal(file_read("/dev/null", 10, &text, NULL), 0);
}

static void nobody_waits_for_a_pipe(void **state)
{
    const struct folder *folder = *state;

    assert_int_equal(mkfifo(folder->file, 0600), 0);
    assert_refused(folder->file, 10, EINVAL, "pipe");
    assert_refused(folder->path, 10, EINVAL, "directory");
}

static void a_starting_program_may_be_given_a_pipe(void **state)
{
    const struct folder *folder = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct error error;

    assert_int_equal(mkfifo(folder->file, 0600), 0);
    int end = open(folder->file, O_RDWR | O_CLOEXEC);
    assert_int_equal(write(end, "piped", 5), 5);
    /* The limit ends the reading: a writer is still there. */
    assert_int_equal(file_read_waiting(folder->file, 4, &text, &error), -1);
    assert_int_equal(errno, EFBIG);
    assert_true(str_eq_text(buf_str(&text), "piped"));
    close(end);
    assert_int_equal(file_read_waiting("/nowhere/file", 4, &text, &error), -1);
    assert_string_equal(error.text, "cannot read '/nowhere/file': No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_appended_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_is_no_absent_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_waits_for_a_pipe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_starting_program_may_be_given_a_pipe, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
