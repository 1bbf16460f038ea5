/* A world file: one that is taken is written so that it is taken again, the same. */
#include "common/base/mem.h"
#include "services/sandbox/world_json.h"
#include "tests/fuzz/fuzz.h"

static bool take_world(const struct json *from, struct buf *ret_text)
{
    cleanup(json_freep) struct json *saved = json_new_object();
    struct world world;
    struct error error = {""};

    world_init(&world);
    bool taken = world_load(&world, from, &error) == 0;
    if (taken) {
        world_save(&world, saved);
        json_write(saved, ret_text);
    }
    world_done(&world);
    FUZZ_HOLDS(taken || error.text[0]);
    return taken;
}

void fuzz_one(struct str input)
{
    cleanup(json_freep) struct json *object = NULL, *again = NULL;
    cleanup(buf_done) struct buf first = BUF_INIT, second = BUF_INIT;
    struct error error = {""};

    if (json_parse(&object, input, &error) < 0 || !take_world(object, &first))
        return;
    FUZZ_HOLDS(json_parse(&again, buf_str(&first), &error) == 0);
    FUZZ_HOLDS(take_world(again, &second));
    FUZZ_HOLDS(str_eq(buf_str(&first), buf_str(&second)));
}
