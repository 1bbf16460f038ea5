/* Locks that are files: who holds one, and when nobody does. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon/lock.h"

static char directory[] = "/tmp/entitled-lock-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/x.lock", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static struct lock *take_it(const char *name)
{
    struct lock *lock = NULL;
    struct error error = {.text = ""};

    if (lock_take(&lock, path, name, &error) != 0)
        fail_msg("%s", error.text);
    return lock;
}

static void a_held_lock_names_its_holder(void **state)
{
    (void)state;
    struct lock *lock = take_it("entitled-store");
    struct lock *second = NULL;
    struct error error;
    char want[256];

    assert_int_equal(lock_take(&second, path, "entitled-checker", &error), -1);
    snprintf(want, sizeof(want), "'%s' is held by entitled-store (pid %ld)", path, (long)getpid());
    assert_string_equal(error.text, want);
    assert_null(second);

    lock_release(lock);
    lock = take_it("entitled-checker");
    assert_int_equal(lock_take(&second, path, "entitled-store", &error), -1);
    assert_non_null(strstr(error.text, "is held by entitled-checker (pid "));
    lock_release(lock);
    lock_release(NULL);
}

/* The child says through the pipe that it holds the lock, then waits to be killed. */
static pid_t child_that_holds_it(int told[2])
{
    pid_t child = fork();

    if (child == 0) {
        struct lock *lock;
        struct error error;
        char held = lock_take(&lock, path, "child", &error) == 0 ? 'y' : 'n';
        if (write(told[1], &held, 1) == 1)
            pause();
        _exit(1);
    }
    return child;
}

static void a_killed_holder_holds_nothing(void **state)
{
    (void)state;
    struct lock *lock = NULL;
    struct error error;
    int told[2], status;
    char held = 'n', want[64];

    assert_int_equal(pipe(told), 0);
    pid_t child = child_that_holds_it(told);
    assert_true(child > 0);
    assert_int_equal(read(told[0], &held, 1), 1);
    assert_int_equal(held, 'y');
    assert_int_equal(lock_take(&lock, path, "parent", &error), -1);
    snprintf(want, sizeof(want), "child (pid %ld)", (long)child);
    assert_non_null(strstr(error.text, want));

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    lock_release(take_it("parent"));
    close(told[0]);
    close(told[1]);
}

static void a_removed_file_is_made_again(void **state)
{
    (void)state;
    struct lock *first = take_it("first");

    assert_int_equal(unlink(path), 0);
    struct lock *second = take_it("second");
    struct lock *third = NULL;
    struct error error;
    assert_int_equal(lock_take(&third, path, "third", &error), -1);
    assert_non_null(strstr(error.text, "second"));
    lock_release(second);
    lock_release(first);
}

static void what_cannot_be_opened_is_said(void **state)
{
    (void)state;
    struct lock *lock = NULL;
    struct error error;

    assert_int_equal(lock_take(&lock, "/nowhere/x.lock", "x", &error), -1);
    assert_string_equal(error.text, "cannot open '/nowhere/x.lock': No such file or directory");
    assert_int_equal(lock_take(&lock, directory, "x", &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_lock_names_its_holder),
        cmocka_unit_test(a_killed_holder_holds_nothing),
        cmocka_unit_test(a_removed_file_is_made_again),
        cmocka_unit_test(what_cannot_be_opened_is_said),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
