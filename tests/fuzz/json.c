/* JSON: what was read is written so that it is read again, the same. */
#include "common/json/json.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "tests/fuzz/fuzz.h"

static void read_time(struct str text)
{
    int64_t time_s, again_s;
    char written[CLOCK_TEXT_SIZE];

    if (clock_parse_iso8601(text, &time_s) < 0 || time_s == 0)
        return;
    clock_format_s(time_s, written);
    FUZZ_HOLDS(clock_parse_iso8601(str_of(written), &again_s) == 0 && again_s == time_s);
}

static void decode(struct str text)
{
    cleanup(buf_done) struct buf bytes = BUF_INIT, written = BUF_INIT, again = BUF_INIT;

    if (crypto_base64url_decode(&bytes, text) == 0) {
        crypto_base64url(&written, buf_str(&bytes));
        FUZZ_HOLDS(crypto_base64url_decode(&again, buf_str(&written)) == 0);
        FUZZ_HOLDS(str_eq(buf_str(&bytes), buf_str(&again)));
    }
    buf_clear(&bytes);
    crypto_base64_decode(&bytes, text);
}

void fuzz_one(struct str input)
{
    cleanup(json_freep) struct json *value = NULL, *again = NULL;
    cleanup(buf_done) struct buf first = BUF_INIT, second = BUF_INIT;
    struct error error = {""};

    read_time(input);
    decode(input);
    if (json_parse(&value, input, &error) < 0) {
        FUZZ_HOLDS(error.text[0]);
        return;
    }
    json_write(value, &first);
    FUZZ_HOLDS(json_parse(&again, buf_str(&first), &error) == 0);
    json_write(again, &second);
    FUZZ_HOLDS(str_eq(buf_str(&first), buf_str(&second)));
}
