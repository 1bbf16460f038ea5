#include "services/entitlectl/command/batch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "services/entitlectl/command/products.h"
#include "services/entitlectl/print/format.h"

enum { SHOWN_ON_TERMINAL = 50, SHOWN_IN_SENTENCE = 5 };

void batch_add(struct ctl *ctl, struct batch *batch, struct str id, struct str name)
{
    size_t count = batch->ids.count;

    if (count == batch->capacity) {
        batch->capacity = count > 0 ? 2 * count : 64;
        struct str *ids = arena_alloc_array(&ctl->arena, batch->capacity, sizeof(*ids));
        struct str *names = arena_alloc_array(&ctl->arena, batch->capacity, sizeof(*names));
        for (size_t i = 0; i < count; i++) {
            ids[i] = batch->ids.items[i];
            names[i] = batch->names.items[i];
        }
        batch->ids.items = ids;
        batch->names.items = names;
    }
    batch->ids.items[batch->ids.count++] = id;
    batch->names.items[batch->names.count++] = name;
}

void batch_add_record(struct ctl *ctl, struct batch *batch, const struct subscription *record)
{
    struct str product = products_name(ctl, record->product_code);
    struct str customer = format_customer(record);

    batch_add(ctl, batch, record->id,
              arena_printf(&ctl->arena, STR_FMT " (" STR_FMT ", " STR_FMT "%s" STR_FMT ")",
                           STR_ARG(record->id), STR_ARG(product), STR_ARG(customer),
                           record->tenant.len > 0 ? ", tenant " : "", STR_ARG(record->tenant)));
}

static const char *plural(const struct batch *batch)
{
    return batch->names.count == 1 ? "" : "s";
}

static void write_lines(struct buf *out, const struct str_list *names, size_t limit)
{
    for (size_t i = 0; i < names->count && i < limit; i++) {
        buf_append_text(out, "  ");
        format_printable(out, names->items[i]);
        buf_append_char(out, '\n');
    }
    if (names->count > limit)
        buf_printf(out, "  and %zu more, which --dry-run shows\n", names->count - limit);
}

static void print_dry_run(struct ctl *ctl, const struct batch *batch)
{
    if (!ctl->json) {
        buf_printf(&ctl->out, "would %s %zu %s%s%s\n", batch->verb, batch->names.count,
                   batch->thing, plural(batch), batch->names.count > 0 ? ":" : "");
        write_lines(&ctl->out, &batch->names, batch->names.count);
        return;
    }
    struct json *root = json_new_object(), *names = json_new_array();
    for (size_t i = 0; i < batch->names.count; i++)
        json_add(names, json_new_str(batch->names.items[i]));
    json_set_bool(root, "dry_run", true);
    json_set_str(root, "would", str_of(batch->verb));
    json_set_integer(root, "count", (int64_t)batch->names.count);
    json_set(root, "names", names);
    ctl_print_json(ctl, root);
}

/* The user sees the question: it goes where the answer comes from. */
static bool is_terminal(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static int ask_person(struct ctl *ctl, const char *deed)
{
    char answer[16] = "";

    fprintf(stderr, "%s? [y/N] ", deed);
    fflush(stderr);
    if (fgets(answer, sizeof(answer), stdin))
        answer[strcspn(answer, "\r\n")] = '\0';
    struct str said = str_of(answer);
    if (str_eq_nocase(said, STR("y")) || str_eq_nocase(said, STR("yes")))
        return EXIT_DONE;
    ctl_fail(ctl, "nothing was done");
    return EXIT_REFUSED;
}

static int refuse_unasked(struct ctl *ctl, const struct batch *batch)
{
    cleanup(buf_done) struct buf names = BUF_INIT;

    for (size_t i = 0; i < batch->names.count && i < SHOWN_IN_SENTENCE; i++) {
        buf_append_text(&names, i > 0 ? ", " : "");
        format_printable(&names, batch->names.items[i]);
    }
    return ctl_fail(ctl,
                    "nothing was done: this would %s %zu %s%s (%s%s), and there is no terminal to "
                    "ask at; --yes does it, --dry-run shows what it would act on",
                    batch->verb, batch->names.count, batch->thing, plural(batch), names.data,
                    batch->names.count > SHOWN_IN_SENTENCE ? ", ..." : "");
}

int batch_confirm(struct ctl *ctl, const struct batch *batch, bool *ret_go)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    *ret_go = false;
    if (arguments_flag(&ctl->arguments, "dry-run")) {
        print_dry_run(ctl, batch);
        return EXIT_DONE;
    }
    if (batch->names.count == 0) {
        if (!ctl->json)
            buf_printf(&ctl->out, "there is no %s to %s\n", batch->thing, batch->verb);
        return EXIT_DONE;
    }
    *ret_go = batch->named || arguments_flag(&ctl->arguments, "yes");
    if (*ret_go)
        return EXIT_DONE;
    if (!is_terminal())
        return refuse_unasked(ctl, batch);
    buf_printf(&text, "%zu %s%s to %s:\n", batch->names.count, batch->thing, plural(batch),
               batch->verb);
    write_lines(&text, &batch->names, SHOWN_ON_TERMINAL);
    fwrite(text.data, 1, text.len, stderr);
    buf_clear(&text);
    buf_printf(&text, "%s %s", batch->verb, batch->names.count == 1 ? "it" : "them all");
    int code = ask_person(ctl, text.data);
    *ret_go = code == EXIT_DONE;
    return code;
}

int batch_confirm_one(struct ctl *ctl, struct str concern, const char *deed)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    if (arguments_flag(&ctl->arguments, "yes"))
        return EXIT_DONE;
    format_printable(&text, concern);
    if (!is_terminal())
        return ctl_fail(ctl, "nothing was done: %s; --yes would %s anyway", text.data, deed);
    fprintf(stderr, "%s.\n", text.data);
    buf_clear(&text);
    buf_printf(&text, "%s anyway", deed);
    return ask_person(ctl, text.data);
}
