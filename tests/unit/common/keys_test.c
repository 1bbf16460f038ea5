/* CURVE certificates: made, read, listed, and refused. */
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
#include "common/base/str.h"
#include "common/keys/allow_list.h"
#include "common/keys/certificate.h"

#define CZMQ_CERTIFICATE VECTORS_DIRECTORY "/curve/czmq.cert"

static const struct certificate_note note = {"checker-1", "host-7", "2026-05-01T00:00:00Z"};

struct stage {
    char directory[64];
    char path[128], secret_path[160];
    size_t made;
};

static int unreadable_told;

static void count_unreadable(void *arg, const char *sentence)
{
    (void)arg;
    assert_non_null(strstr(sentence, "is not a CURVE certificate"));
    unreadable_told++;
}

static int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    strcpy(stage->directory, "/tmp/entitled-keys-XXXXXX");
    assert_non_null(mkdtemp(stage->directory));
    snprintf(stage->path, sizeof(stage->path), "%s/checker.cert", stage->directory);
    snprintf(stage->secret_path, sizeof(stage->secret_path), "%s_secret", stage->path);
    unreadable_told = 0;
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *command = mem_printf("rm -rf '%s'", stage->directory);

    assert_int_equal(system(command), 0);
    mem_free(stage);
    return 0;
}

/* What libzmq made once. */
static const struct curve_keys pairs[] = {
    {"U<oxpOOW=P(Z*MQk]Jy>]LB}8ZVkuCz)-:%CMd4D", "Erax>t]XTBrP}3c42#US^Z&BF3cPk@AM3rOa<jAb"},
    {"1]wKL+IrGb/)?pX5aWV.ZY6NjoVq}9*GDVEPF(p:", "*VFsf*?EM1eL}?EYwCtZ!=GZO+mEH!X!@wD/a<Gg"},
    {"fH7fPPBh{nh(nn&^OPmone>6ovnEoQQ0JNHI4?6B", "4F7?=]Z!D[.0t$E)PnY.{]Skq.jb[P24[1Hai5C4"},
};

/* Another pair at each call in a test. */
static struct curve_keys make(struct stage *stage, const char *name)
{
    const struct curve_keys keys = pairs[stage->made++];
    struct error error;

    if (certificate_make(stage->directory, name, &note, &keys, &error) < 0)
        fail_msg("%s", error.text);
    return keys;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void what_is_made_is_read(void **state)
{
    struct stage *stage = *state;
    struct curve_keys made = make(stage, "checker.cert"), own, public;
    struct certificate_note read;
    struct error error;

    assert_int_equal(mode_of(stage->path), 0644);
    assert_int_equal(mode_of(stage->secret_path), 0600);
    assert_int_equal(certificate_load_secret(stage->path, &own, &error), 0);
    assert_string_equal(own.public_key, made.public_key);
    assert_string_equal(own.secret_key, made.secret_key);
    assert_int_equal(certificate_load(stage->path, &public, &read, &error), 0);
    assert_string_equal(public.public_key, made.public_key);
    assert_string_equal(public.secret_key, "");
    assert_string_equal(read.name, note.name);
    assert_string_equal(read.host, note.host);
    assert_string_equal(read.made, note.made);
}

static void the_public_half_is_enough_elsewhere(void **state)
{
    struct stage *stage = *state;
    struct curve_keys made = make(stage, "checker.cert"), keys;
    struct error error;

    assert_int_equal(unlink(stage->secret_path), 0);
    assert_int_equal(certificate_load(stage->path, &keys, NULL, &error), 0);
    assert_string_equal(keys.public_key, made.public_key);
    assert_int_equal(certificate_load_secret(stage->path, &keys, &error), -1);
    assert_non_null(strstr(error.text, "checker.cert_secret"));
}

static void nothing_is_overwritten(void **state)
{
    struct stage *stage = *state;
    struct curve_keys made = make(stage, "checker.cert"), keys;
    struct error error;

    assert_int_equal(certificate_make(stage->directory, "checker.cert", &note, &pairs[1], &error),
                     -1);
    assert_non_null(strstr(error.text, "exists already"));
    assert_int_equal(unlink(stage->path), 0);
    /* A secret half alone is somebody's too, and no public one is left beside it. */
    assert_int_equal(certificate_make(stage->directory, "checker.cert", &note, &pairs[1], &error),
                     -1);
    assert_int_equal(access(stage->path, F_OK), -1);
    assert_int_equal(certificate_load_secret(stage->path, &keys, &error), 0);
    assert_string_equal(keys.public_key, made.public_key);
}

/* Whoever owns the directory may not have root write, or give away, another file. */
static void no_link_is_followed(void **state)
{
    const struct stage *stage = *state;
    cleanup(mem_freep) char *target = mem_printf("%s/target", stage->directory);
    struct error error;

    for (int dangling = 0; dangling < 2; dangling++) {
        if (!dangling)
            write_text(target, "untouched");
        assert_int_equal(symlink(target, stage->secret_path), 0);
        assert_int_equal(
            certificate_make(stage->directory, "checker.cert", &note, &pairs[1], &error), -1);
        assert_non_null(strstr(error.text, "exists already"));
        assert_int_equal(access(stage->path, F_OK), -1);
        assert_int_equal(access(target, F_OK), dangling ? -1 : 0);
        assert_int_equal(unlink(stage->secret_path), 0);
        if (!dangling)
            assert_int_equal(unlink(target), 0);
    }
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
    struct stage *stage = *state;
    struct curve_keys keys;
    struct error error;

    make(stage, "checker.cert");
    assert_int_equal(chmod(stage->secret_path, 0640), 0);
    assert_int_equal(certificate_load_secret(stage->path, &keys, &error), -1);
    assert_non_null(strstr(error.text, "0600"));
}

static struct buf read_file(const char *path)
{
    struct buf text = BUF_INIT;
    struct error error;

    if (file_read(path, 1 << 16, &text, &error) < 0)
        fail_msg("%s", error.text);
    return text;
}

/* The files of tests/vectors/curve are CZMQ's (zcert_save_public, zcert_save_secret). */
static void what_czmq_wrote_is_read(void **state)
{
    const struct stage *stage = *state;
    struct curve_keys public, own;
    struct certificate_note read;
    struct error error;

    assert_int_equal(certificate_load(CZMQ_CERTIFICATE, &public, &read, &error), 0);
    assert_string_equal(public.public_key, pairs[0].public_key);
    assert_string_equal(read.name, note.name);
    assert_string_equal(read.host, note.host);
    assert_string_equal(read.made, note.made);

    cleanup(buf_done) struct buf text = read_file(CZMQ_CERTIFICATE "_secret");
    write_text(stage->secret_path, text.data);
    assert_int_equal(chmod(stage->secret_path, 0600), 0);
    assert_int_equal(certificate_load_secret(stage->path, &own, &error), 0);
    assert_string_equal(own.public_key, pairs[0].public_key);
    assert_string_equal(own.secret_key, pairs[0].secret_key);
}

/* Line by line, but for comments: so CZMQ reads ours as its own. */
static void assert_same_lines(const char *ours, const char *theirs)
{
    cleanup(buf_done) struct buf our_text = read_file(ours), their_text = read_file(theirs);
    struct str rest[] = {buf_str(&our_text), buf_str(&their_text)};

    while (rest[0].len > 0 || rest[1].len > 0) {
        struct str line[2];
        for (int i = 0; i < 2; i++) {
            do
                line[i] = str_split(&rest[i], '\n');
            while (str_starts_with(line[i], STR("#")));
        }
        assert_true(str_eq(line[0], line[1]));
    }
}

static void what_is_made_is_what_czmq_writes(void **state)
{
    struct stage *stage = *state;

    make(stage, "checker.cert");
    assert_same_lines(stage->path, CZMQ_CERTIFICATE);
    assert_same_lines(stage->secret_path, CZMQ_CERTIFICATE "_secret");
}

/* There is no way to write them into a value. */
static void quotes_and_line_ends_become_question_marks(void **state)
{
    const struct certificate_note odd = {"a\"b", "c\nd", "it's # = \x01"};
    struct stage *stage = *state;
    struct certificate_note read;
    struct curve_keys keys;
    struct error error;

    assert_int_equal(certificate_make(stage->directory, "checker.cert", &odd, &pairs[0], &error),
                     0);
    assert_int_equal(certificate_load(stage->path, &keys, &read, &error), 0);
    assert_string_equal(keys.public_key, pairs[0].public_key);
    assert_string_equal(read.name, "a?b");
    assert_string_equal(read.host, "c?d");
    assert_string_equal(read.made, "it's # = ?");
}

static void a_certificate_may_be_written_by_hand(void **state)
{
    static const char text[] =
        "metadata\n    name = somebody # who\n    other = 1\n"
        "curve\n    public-key = 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'\n";
    struct certificate_note read;
    struct curve_keys keys;

    (void)state;
    assert_int_equal(certificate_parse(str_of(text), &keys, &read), 0);
    assert_string_equal(keys.public_key, "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
    assert_string_equal(keys.secret_key, "");
    assert_string_equal(read.name, "somebody # who");
}

static void a_secret_file_without_a_secret_is_refused(void **state)
{
    struct stage *stage = *state;
    struct curve_keys keys;
    struct error error;

    make(stage, "checker.cert");
    assert_int_equal(rename(stage->path, stage->secret_path), 0);
    assert_int_equal(chmod(stage->secret_path, 0600), 0);
    assert_int_equal(certificate_load_secret(stage->path, &keys, &error), -1);
    assert_non_null(strstr(error.text, "no secret key"));
}

static void keys_are_known_by_their_form(void **state)
{
    (void)state;
    assert_true(curve_key_is_valid(STR("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7")));
    assert_false(curve_key_is_valid(STR("")));
    assert_false(curve_key_is_valid(STR("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf")));
    assert_false(curve_key_is_valid(STR("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf77")));
    assert_false(curve_key_is_valid(STR("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]y\"7")));
    /* More than 32 bits. */
    assert_false(curve_key_is_valid(STR("#####rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf")));
}

static void what_is_no_certificate_is_refused(void **state)
{
    const struct stage *stage = *state;
    static const char *const texts[] = {
        "",
        "curve\n",
        "curve\n    public-key = \"short\"\n",
        "public-key = 1\n",
        "\xff\xfe\x00garbage",
        "curve\n    public-key = \"~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\"\n",
    };
    struct curve_keys keys;
    struct error error;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_text(stage->path, texts[i]);
        assert_int_equal(certificate_load(stage->path, &keys, NULL, &error), -1);
        write_text(stage->secret_path, texts[i]);
        assert_int_equal(chmod(stage->secret_path, 0600), 0);
        assert_int_equal(certificate_load_secret(stage->path, &keys, &error), -1);
    }
}

static struct allow_list *open_list(const struct stage *stage)
{
    struct allow_list *list;
    struct error error;

    if (allow_list_open(&list, stage->directory, count_unreadable, NULL, &error) < 0)
        fail_msg("%s", error.text);
    return list;
}

static void the_list_is_what_the_directory_holds_now(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *other_path = mem_printf("%s/other.cert", stage->directory);
    char other_secret[160];
    struct allow_list *list = open_list(stage);
    struct curve_keys first, second;

    snprintf(other_secret, sizeof(other_secret), "%s_secret", other_path);
    assert_int_equal(allow_list_count(list), 0);
    first = make(stage, "checker.cert");
    assert_true(allow_list_has(list, first.public_key));
    second = make(stage, "other.cert");
    assert_int_equal(allow_list_count(list), 2);
    assert_true(allow_list_has(list, second.public_key));

    /* Withdrawn: by taking the file away, or by another in its place, of the same size and second.
     */
    assert_int_equal(unlink(stage->path), 0);
    assert_false(allow_list_has(list, first.public_key));
    assert_int_equal(rename(other_path, stage->path), 0);
    assert_int_equal(unlink(other_secret), 0);
    assert_true(allow_list_has(list, second.public_key));
    struct curve_keys third = make(stage, "other.cert");
    assert_int_equal(rename(other_path, stage->path), 0);
    assert_false(allow_list_has(list, second.public_key));
    assert_true(allow_list_has(list, third.public_key));
    allow_list_free(list);
}

static void other_files_allow_nobody(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *other_path = mem_printf("%s/notes.txt", stage->directory);
    struct curve_keys keys = make(stage, "checker.cert");
    struct allow_list *list = open_list(stage);

    assert_int_equal(rename(stage->path, other_path), 0);
    assert_false(allow_list_has(list, keys.public_key));
    write_text(stage->path, "not a certificate");
    assert_int_equal(allow_list_count(list), 0);
    assert_int_equal(allow_list_count(list), 0);
    assert_int_equal(unreadable_told, 1);
    allow_list_free(list);
}

static void without_the_directory_nobody_is_allowed(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *elsewhere = mem_printf("%s-away", stage->directory);
    struct curve_keys keys = make(stage, "checker.cert");
    struct allow_list *list = open_list(stage), *none;
    struct error error;

    assert_int_equal(rename(stage->directory, elsewhere), 0);
    assert_false(allow_list_has(list, keys.public_key));
    assert_int_equal(allow_list_open(&none, stage->directory, count_unreadable, NULL, &error), -1);
    assert_non_null(strstr(error.text, stage->directory));
    assert_int_equal(rename(elsewhere, stage->directory), 0);
    assert_true(allow_list_has(list, keys.public_key));
    allow_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_made_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_public_half_is_enough_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_link_is_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_that_others_may_read_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_czmq_wrote_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_made_is_what_czmq_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(quotes_and_line_ends_become_question_marks, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_secret_file_without_a_secret_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test(a_certificate_may_be_written_by_hand),
        cmocka_unit_test(keys_are_known_by_their_form),
        cmocka_unit_test_setup_teardown(what_is_no_certificate_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_list_is_what_the_directory_holds_now, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(other_files_allow_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_directory_nobody_is_allowed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
