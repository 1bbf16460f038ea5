#include "tests/bench/question.h"

#include <string.h>

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "tests/bench/data.h"
#include "tests/bench/tool.h"

/* From here up every msgid takes the same five bytes, behind the array's head and the type. */
enum { FIRST_MSGID = 0x40000000, SLOTS_MAX = 1000000, MSGID_AT = 3 };

static void find_digits(struct question_form *form)
{
    static const char tenant[] = "tenant-00000000";
    size_t at = 0, found = 0;

    while (found < form->count) {
        const char *place =
            memmem(form->bytes.data + at, form->bytes.len - at, tenant, sizeof(tenant) - 1);
        if (!place)
            tool_die("the request does not hold its %zu handles", form->count);
        at = (size_t)(place - form->bytes.data) + DATA_DIGITS_AT;
        form->digits_at[found++] = at;
    }
}

void question_form_check(struct question_form *form)
{
    const struct check_params params = {
        .handle = STR("tenant-00000000"), .dimension = STR(DATA_DIMENSION), .quantity = 1};

    *form = (struct question_form){.count = 1};
    codec_write_request(&form->bytes, FIRST_MSGID, "check", &shape_check_params, &params, NULL);
    find_digits(form);
}

void question_form_check_many(struct question_form *form, size_t count)
{
    struct question *questions = mem_alloc_array(count, sizeof(*questions));
    const struct check_many_params params = {.questions = {questions, count}};

    if (count < 1 || count > QUESTION_MANY_MAX)
        tool_die("a check_many holds 1 to %d questions", QUESTION_MANY_MAX);
    for (size_t i = 0; i < count; i++)
        questions[i] = (struct question){
            .handle = STR("tenant-00000000"), .dimension = STR(DATA_DIMENSION), .quantity = 1};
    *form = (struct question_form){.count = count};
    codec_write_request(&form->bytes, FIRST_MSGID, "check_many", &shape_check_many_params, &params,
                        NULL);
    find_digits(form);
    mem_free(questions);
}

void question_form_done(struct question_form *form)
{
    buf_done(&form->bytes);
}

void question_write(const struct question_form *form, uint32_t slot, const uint64_t *customers,
                    char *ret_bytes)
{
    uint32_t msgid = __builtin_bswap32(FIRST_MSGID + slot);

    memcpy(ret_bytes, form->bytes.data, form->bytes.len);
    memcpy(ret_bytes + MSGID_AT, &msgid, sizeof(msgid));
    for (size_t i = 0; i < form->count; i++)
        data_put_digits(customers[i], ret_bytes + form->digits_at[i]);
}

uint32_t question_slot(uint32_t msgid)
{
    return msgid >= FIRST_MSGID && msgid < FIRST_MSGID + SLOTS_MAX ? msgid - FIRST_MSGID
                                                                   : UINT32_MAX;
}
