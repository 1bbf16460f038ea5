/* What STS answers when a role is taken on: keys that are whole, or a sentence. */
#include "common/aws/credentials/source.h"
#include "common/aws/credentials/sts.h"
#include "common/base/mem.h"
#include "common/xml/xml.h"
#include "tests/fuzz/fuzz.h"

static void fetch(struct source *source)
{
    (void)source;
}

static void on_done(void *arg, const struct keys *keys, const struct error *error)
{
    bool *answered = arg;

    FUZZ_HOLDS(!*answered);
    *answered = true;
    if (keys)
        FUZZ_HOLDS(keys->access_key_id && keys->secret_access_key && keys->session_token);
    else
        FUZZ_HOLDS(error->text[0]);
}

static void take_role(struct str answer)
{
    static const struct source_type type = {.fetch = fetch};
    struct source *source = mem_alloc_zero(sizeof(*source));
    bool answered = false;

    source_init(source, &type, mem_strdup("role"));
    source_fetch(source, on_done, &answered);
    sts_end(source, &(struct sts_answer){.xml = answer});
    FUZZ_HOLDS(answered);
    source_free(source);
}

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct xml_text texts[] = {
        {"Account", STR_NONE}, {"Arn", STR_NONE}, {"Code", STR_NONE}, {"Message", STR_NONE}};
    struct error error = {""};

    take_role(input);
    if (xml_find(&arena, input, texts, 4, &error) < 0)
        FUZZ_HOLDS(error.text[0]);
}
