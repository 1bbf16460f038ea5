#include "proto/clients/c/file/fixture.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "proto/clients/c/file/fixture_json.h"
#include "proto/codec/codec.h"

enum { FILE_MAX = 64 * 1024 * 1024 };

int fixture_read(const char *path, struct buf *ret_text, struct error *error)
{
    return file_read_waiting(path, FILE_MAX, ret_text, error);
}

/* Members that do not matter to a test may be left out. */
static void complete_record(struct subscription *record, int64_t now_s)
{
    if (record->product_code.len == 0)
        record->product_code = STR("product");
    if (record->license_key.len == 0)
        record->license_key = license_key(record->license_arn);
    if (record->verified_at == 0)
        record->verified_at = now_s;
    if (record->created_at == 0)
        record->created_at = now_s;
    if (record->version == 0)
        record->version = 1;
}

static int put_records(struct stored_fixture *fixture, struct replica *replica, struct error *error)
{
    int64_t now_s = fixture->now != 0 ? fixture->now : clock_wall_s();

    for (size_t i = 0; i < fixture->subscriptions.count; i++) {
        struct subscription *record = &fixture->subscriptions.items[i];
        complete_record(record, now_s);
        replica_put(replica, record);
        if (replica_count(replica) != i + 1)
            return error_set(error, "two subscriptions have the id '" STR_FMT "'",
                             STR_ARG(record->id));
    }
    return 0;
}

static void put_overrides(struct stored_fixture *fixture, struct replica *replica,
                          struct arena *arena)
{
    for (size_t i = 0; i < fixture->overrides.count; i++) {
        struct override *override = &fixture->overrides.items[i];
        if (override->id.len == 0)
            override->id = arena_printf(arena, "override-%zu", i + 1);
        replica_put_override(replica, override);
    }
}

int fixture_load(struct str text, struct local *local, struct error *error)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf bytes = BUF_INIT;
    struct shape named = shape_stored_fixture;
    struct stored_fixture fixture;

    named.name = "a fixture"; /* as sentences about it say */
    if (fixture_json_pack(text, &named, &bytes, error) < 0 ||
        codec_decode(&shape_stored_fixture, buf_str(&bytes), &arena, &fixture, error) < 0)
        return -1;
    local_stop_clock(local, fixture.now);
    local_decide_by(local, fixture.policy, &fixture.products);
    put_overrides(&fixture, local_replica(local), &arena);
    return put_records(&fixture, local_replica(local), error);
}
