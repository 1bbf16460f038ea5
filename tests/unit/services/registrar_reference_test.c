/* References to a registration: signed, for one purpose and a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "services/registrar/reference.h"

static struct signing_key key_items[] = {
    {.id = STR_INIT("k2"), .secret = STR_INIT("22222222222222222222222222222222")},
    {.id = STR_INIT("k1"), .secret = STR_INIT("11111111111111111111111111111111")},
};
static const struct signing_key_list keys = {key_items, 2};
static const struct signing_key_list old_keys = {key_items + 1, 1};

enum { NOW = 1800000000 };

static enum reference_verdict verify(const struct signing_key_list *with, const char *purpose,
                                     struct str text, int64_t now_s)
{
    struct arena arena = ARENA_INIT;
    struct reference ignored;
    enum reference_verdict verdict = reference_verify(with, purpose, text, now_s, &arena, &ignored);

    arena_done(&arena);
    return verdict;
}

static void gives_back_what_was_signed(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct arena arena = ARENA_INIT;
    struct reference reference;

    reference_sign(&text, &keys, REFERENCE_PAGE, STR("sub.1|x"), NOW + 300);
    assert_int_equal(
        reference_verify(&keys, REFERENCE_PAGE, buf_str(&text), NOW, &arena, &reference),
        REFERENCE_GOOD);
    assert_true(str_eq(reference.subscription, STR("sub.1|x")));
    assert_int_equal(reference.expires_s, NOW + 300);
    assert_true(reference.nonce.len >= 16);
    arena_done(&arena);
}

static void every_reference_differs(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf a = BUF_INIT, b = BUF_INIT;

    reference_sign(&a, &keys, REFERENCE_PAGE, STR("s"), NOW);
    reference_sign(&b, &keys, REFERENCE_PAGE, STR("s"), NOW);
    assert_false(str_eq(buf_str(&a), buf_str(&b)));
}

static void an_older_key_still_verifies_and_an_unknown_one_does_not(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf old = BUF_INIT, new = BUF_INIT;

    reference_sign(&old, &old_keys, REFERENCE_PAGE, STR("s"), NOW + 300);
    reference_sign(&new, &keys, REFERENCE_PAGE, STR("s"), NOW + 300);
    assert_int_equal(verify(&keys, REFERENCE_PAGE, buf_str(&old), NOW), REFERENCE_GOOD);
    assert_int_equal(verify(&old_keys, REFERENCE_PAGE, buf_str(&new), NOW), REFERENCE_NO_KEY);
}

static void ends_at_its_time(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    reference_sign(&text, &keys, REFERENCE_PAGE, STR("s"), NOW + 300);
    assert_int_equal(verify(&keys, REFERENCE_PAGE, buf_str(&text), NOW + 299), REFERENCE_GOOD);
    assert_int_equal(verify(&keys, REFERENCE_PAGE, buf_str(&text), NOW + 300), REFERENCE_EXPIRED);
}

static void is_good_for_its_purpose_only(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    reference_sign(&text, &keys, REFERENCE_PAGE, STR("s"), NOW + 300);
    assert_int_equal(verify(&keys, REFERENCE_SESSION, buf_str(&text), NOW), REFERENCE_BAD);
}

static void no_byte_can_be_changed(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    reference_sign(&text, &keys, REFERENCE_PAGE, STR("subscription"), NOW + 300);
    for (size_t i = 0; i < text.len; i++) {
        char before = text.data[i];
        text.data[i] = before == 'A' ? 'B' : 'A';
        assert_int_not_equal(verify(&keys, REFERENCE_PAGE, buf_str(&text), NOW), REFERENCE_GOOD);
        text.data[i] = before;
    }
    for (size_t len = 0; len < text.len; len++)
        assert_int_not_equal(verify(&keys, REFERENCE_PAGE, str_from(text.data, len), NOW),
                             REFERENCE_GOOD);
    buf_append_text(&text, ".x");
    assert_int_equal(verify(&keys, REFERENCE_PAGE, buf_str(&text), NOW), REFERENCE_BAD);
}

static void garbage_is_refused(void **state)
{
    (void)state;
    static const char *const garbage[] = {"",
                                          ".",
                                          "....",
                                          "a.b.c.d.e",
                                          "azI.cw.99999999999.x.",
                                          "\xff.\xff.\xff.\xff.\xff",
                                          "azI.cw.-1.AAAA.AAAA"};
    cleanup(buf_done) struct buf huge = BUF_INIT;

    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
        assert_int_not_equal(verify(&keys, REFERENCE_PAGE, str_of(garbage[i]), NOW),
                             REFERENCE_GOOD);
    while (huge.len < 100000)
        buf_append_text(&huge, "a.");
    assert_int_equal(verify(&keys, REFERENCE_PAGE, buf_str(&huge), NOW), REFERENCE_BAD);
}

static void a_form_word_belongs_to_its_session(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf word = BUF_INIT, old = BUF_INIT;

    reference_form_word(&word, &keys, STR("session-1"));
    reference_form_word(&old, &old_keys, STR("session-1"));
    assert_true(reference_form_word_holds(&keys, STR("session-1"), buf_str(&word)));
    assert_true(reference_form_word_holds(&keys, STR("session-1"), buf_str(&old)));
    assert_false(reference_form_word_holds(&keys, STR("session-2"), buf_str(&word)));
    assert_false(reference_form_word_holds(&old_keys, STR("session-1"), buf_str(&word)));
    assert_false(reference_form_word_holds(&keys, STR("session-1"), STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_signed),
        cmocka_unit_test(every_reference_differs),
        cmocka_unit_test(an_older_key_still_verifies_and_an_unknown_one_does_not),
        cmocka_unit_test(ends_at_its_time),
        cmocka_unit_test(is_good_for_its_purpose_only),
        cmocka_unit_test(no_byte_can_be_changed),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(a_form_word_belongs_to_its_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
