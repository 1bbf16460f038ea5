/* journal verify, journal erase: part by part, so that the store serves others between them. */
#include <inttypes.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/history.h"
#include "services/entitlectl/verbs/records.h"
#include "services/entitlectl/verbs/verbs.h"

struct proof {
    struct journal_verify_result sum; /* entries, erased; at and hash: of the last part */
    struct str begins_after;
    struct json *breaks;
    struct table table;
    int64_t broken;
};

static void add_break(struct proof *proof, struct str at, struct str problem)
{
    struct json *item = json_new_object();

    json_set_str(item, "at", at);
    json_set_str(item, "problem", problem);
    json_add(proof->breaks, item);
    table_cell(&proof->table, at);
    table_cell(&proof->table, problem);
    proof->broken++;
}

static void add(struct proof *proof, const struct journal_verify_result *part)
{
    proof->sum.entries += part->entries;
    proof->sum.erased += part->erased;
    proof->sum.at = part->at;
    proof->sum.hash = part->hash;
    if (part->begins_after.len > 0)
        proof->begins_after = part->begins_after;
    for (size_t i = 0; i < part->breaks.count; i++)
        add_break(proof, part->breaks.items[i].at, part->breaks.items[i].problem);
}

/* Goes on from where the proof is. */
static int walk(struct ctl *ctl, struct proof *proof, struct str until)
{
    struct journal_verify_params params = {.until = until};
    bool more = true;

    while (more) {
        const void *result;
        params.after = proof->sum.at;
        params.hash = proof->sum.hash;
        int code = ctl_ask_store(ctl, METHOD_store_journal_verify, &params, &result);
        if (code != EXIT_DONE)
            return code;
        add(proof, result);
        more = ((const struct journal_verify_result *)result)->more;
    }
    return EXIT_DONE;
}

static struct str hex(struct ctl *ctl, struct str bytes)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    crypto_hex(&text, bytes.ptr, bytes.len);
    return arena_str(&ctl->arena, buf_str(&text));
}

/* SEQ.INDEX:HASH, as the store's log has it. */
static int walk_to_head(struct ctl *ctl, struct proof *proof, struct str head)
{
    struct str hash = head;
    struct str place = str_split(&hash, ':');

    if (hash.len != 2 * (size_t)CRYPTO_SHA256_SIZE)
        return ctl_fail(ctl, "--head must be SEQ.INDEX:HASH, as in the store's log");
    int code = walk(ctl, proof, place);
    if (code != EXIT_DONE)
        return code;
    if (!str_eq(proof->sum.at, place))
        add_break(proof, place, STR("the entry of the head is missing"));
    else if (!str_eq(hex(ctl, proof->sum.hash), hash))
        add_break(proof, place, STR("the chain's hash is not that of the head"));
    return EXIT_DONE;
}

static void print(struct ctl *ctl, struct proof *proof)
{
    const struct journal_verify_result *sum = &proof->sum;
    struct str head = sum->at.len > 0 ? arena_printf(&ctl->arena, STR_FMT ":" STR_FMT,
                                                     STR_ARG(sum->at), STR_ARG(hex(ctl, sum->hash)))
                                      : STR("none");
    struct json *root = json_new_object();

    if (ctl->json) {
        json_set_integer(root, "entries", sum->entries);
        json_set_integer(root, "erased", sum->erased);
        json_set_str(root, "begins_after", proof->begins_after);
        json_set_str(root, "head", head);
        json_set_bool(root, "whole", proof->broken == 0);
        json_set(root, "breaks", take(proof->breaks));
        json_write_pretty(root, &ctl->out);
    } else {
        if (proof->broken > 0)
            table_write(&proof->table, &ctl->out);
        buf_printf(&ctl->out,
                   "%" PRId64 " entries, the words of %" PRId64
                   " erased; the chain begins after " STR_FMT ", head " STR_FMT "\n",
                   sum->entries, sum->erased, STR_ARG(proof->begins_after), STR_ARG(head));
        buf_printf(&ctl->out, "the journal is %s\n",
                   proof->broken > 0 ? "NOT whole: see the entries above" : "whole");
    }
    json_free(root);
}

int verb_journal_verify(struct ctl *ctl)
{
    struct proof proof = {.breaks = json_new_array()};
    struct str head = ctl_option(ctl, "head");
    int code = EXIT_DONE;

    table_init(&proof.table, "ENTRY,PROBLEM");
    if (head.len > 0)
        code = walk_to_head(ctl, &proof, head);
    if (code == EXIT_DONE)
        code = walk(ctl, &proof, STR_NONE);
    if (code == EXIT_DONE) {
        print(ctl, &proof);
        code = proof.broken > 0 ? EXIT_REFUSED : EXIT_DONE;
    }
    json_free(proof.breaks);
    table_done(&proof.table);
    return code;
}

static int erase(struct ctl *ctl, struct journal_erase_params *params, int64_t *entries)
{
    bool more = true;

    while (more) {
        const void *result;
        int code = ctl_ask_store(ctl, METHOD_store_journal_erase, params, &result);
        if (code != EXIT_DONE)
            return code;
        const struct journal_erase_result *part = result;
        *entries += part->entries;
        params->after = part->at;
        more = part->more;
    }
    return EXIT_DONE;
}

/* The subjects whose words are erased. Subscriptions come first. */
struct choice {
    struct ctl *ctl;
    struct batch batch;
    size_t subscriptions;
};

/* A handle may lead to several subscriptions and overrides; the words of each are erased. */
static int erase_of(struct ctl *ctl, struct journal_erase_params *params,
                    const struct choice *choice, int64_t *entries)
{
    int code = EXIT_DONE;

    for (size_t i = 0; i < choice->batch.ids.count && code == EXIT_DONE; i++) {
        struct str id = choice->batch.ids.items[i];
        params->subscription = i < choice->subscriptions ? id : STR_NONE;
        params->override = i < choice->subscriptions ? STR_NONE : id;
        params->after = STR_NONE;
        code = erase(ctl, params, entries);
    }
    return code;
}

/* Several entries may be about one override. */
static void choose_override(void *arg, const struct journal_entry *entry)
{
    struct choice *choice = arg;
    struct batch *batch = &choice->batch;

    for (size_t i = choice->subscriptions; i < batch->ids.count; i++) {
        if (str_eq(batch->ids.items[i], entry->override))
            return;
    }
    batch_add(choice->ctl, batch, entry->override,
              arena_printf(&choice->ctl->arena, "override " STR_FMT, STR_ARG(entry->override)));
}

static int choose_handle(struct choice *choice)
{
    static const struct subscription_list nobody;
    struct ctl *ctl = choice->ctl;
    struct str handle = arguments_at(&ctl->arguments, 0);
    const struct subscription_list *records = &nobody;
    int found = records_find(ctl, handle, &records);

    if (found == EXIT_FAILED)
        return found;
    for (size_t i = 0; i < records->count; i++)
        batch_add_record(ctl, &choice->batch, &records->items[i]);
    choice->subscriptions = records->count;
    choice->batch.named = records->count <= 1;
    struct error unknown = ctl->error;
    int code = journal_each_override(ctl, handle, records, 0, choose_override, choice);
    if (code != EXIT_DONE || found == EXIT_DONE)
        return code;
    ctl->error = choice->batch.ids.count == 0 ? unknown : (struct error){.text = ""};
    if (choice->batch.ids.count == 0)
        return EXIT_REFUSED;
    ctl->code = ERROR_NONE;
    return EXIT_DONE;
}

/* The words about a customer or an override, or all words of an author. */
static int choose(struct ctl *ctl, const struct journal_erase_params *params, struct choice *choice)
{
    struct batch *batch = &choice->batch;

    if (ctl->arguments.count == 1)
        return choose_handle(choice);
    if (params->override.len + params->name.len == 0)
        return ctl_fail(ctl, "journal erase HANDLE, or --override ID, or --by NAME");
    batch->named = params->name.len == 0;
    if (params->override.len > 0)
        batch_add(ctl, batch, params->override,
                  arena_printf(&ctl->arena, "override " STR_FMT, STR_ARG(params->override)));
    if (params->name.len > 0)
        batch_add(ctl, batch, params->name,
                  arena_printf(&ctl->arena, "all entries of '" STR_FMT "'", STR_ARG(params->name)));
    return EXIT_DONE;
}

int verb_journal_erase(struct ctl *ctl)
{
    struct journal_erase_params params = {.override = ctl_option(ctl, "override"),
                                          .name = ctl_option(ctl, "by"),
                                          .author = ctl_author(ctl)};
    struct choice choice = {.ctl = ctl,
                            .batch = {.verb = "erase the words of", .thing = "subject"}};
    int64_t entries = 0;
    bool go = false;
    int code = choose(ctl, &params, &choice);

    if (code == EXIT_DONE)
        code = batch_confirm(ctl, &choice.batch, &go);
    if (!go)
        return code;
    code = ctl->arguments.count == 1 ? erase_of(ctl, &params, &choice, &entries)
                                     : erase(ctl, &params, &entries);
    if (code != EXIT_DONE)
        return code;
    if (ctl->json) {
        struct json *root = json_new_object();
        json_set_integer(root, "erased", entries);
        ctl_print_json(ctl, root);
    } else {
        buf_printf(&ctl->out, "the words of %" PRId64 " entries are erased\n", entries);
    }
    return EXIT_DONE;
}
