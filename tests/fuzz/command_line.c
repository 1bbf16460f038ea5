/* entitlectl's arguments, one on each line. */
#include "common/base/mem.h"
#include "services/entitlectl/command/arguments.h"
#include "tests/fuzz/fuzz.h"

static const struct option global[] = {
    {"config", "FILE", "where"}, {"json", NULL, "as JSON"}, {"help", NULL, "help"}, {0}};
static const struct option check_options[] = {{"product", "CODE", "of this product"}, {0}};
static const struct option set_options[] = {{"for", "SPAN", "how long"}, {0}};
static const struct verb verbs[] = {
    {.name = "check", .arguments = "HANDLE DIMENSION [QUANTITY]", .options = check_options},
    {.name = "list", .arguments = ""},
    {.name = "word set", .arguments = "ID VALUE", .options = set_options},
    {.name = "word [list]", .arguments = ""},
    {0},
};
static const struct {
    size_t least, most;
} counts[] = {{2, 3}, {0, 0}, {2, 2}, {0, 0}};

void fuzz_one(struct str input)
{
    enum { WORDS_MAX = 16 };
    char *words[WORDS_MAX + 1] = {NULL};
    int count = 0;
    struct arguments arguments = {0};
    struct error error = {""};
    struct buf help = BUF_INIT;

    words[count++] = mem_strdup("entitlectl");
    while (input.len > 0 && count < WORDS_MAX)
        words[count++] = str_dup(str_split(&input, '\n'));
    if (arguments_parse(&arguments, global, verbs, count, words, &error) < 0)
        FUZZ_HOLDS(error.text[0]);
    else if (!arguments_flag(&arguments, "help"))
        FUZZ_HOLDS(arguments.count >= counts[arguments.verb - verbs].least &&
                   arguments.count <= counts[arguments.verb - verbs].most);
    arguments_help(&arguments, global, verbs, &help);
    buf_done(&help);
    for (int i = 0; i < count; i++)
        mem_free(words[i]);
}
