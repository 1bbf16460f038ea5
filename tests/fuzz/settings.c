/* The settings file: loaded whole, or refused with a sentence. */
#include "proto/settings/settings.h"
#include "common/base/mem.h"
#include "tests/fuzz/memory_file.h"

static void visit(void *arg, const struct config_section *section, const char *label,
                  const struct config_setting *setting, struct str value, struct str origin)
{
    size_t *seen = arg;
    (void)label;
    (void)value;

    FUZZ_HOLDS(section && setting && origin.len > 0);
    (*seen)++;
}

void fuzz_one(struct str input)
{
    cleanup(memory_file_done) struct memory_file file = memory_file_new(input);
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct config *config = NULL;
    struct error error = {""};
    size_t seen = 0;

    if (config_load(&config, &settings_schema, file.path, &error) < 0) {
        FUZZ_HOLDS(error.text[0]);
        return;
    }
    const struct settings *settings = config_values(config);
    config_each(config, visit, &seen);
    FUZZ_HOLDS(seen > 0);
    FUZZ_HOLDS(settings_store_listen(settings, &arena).count > 0);
    FUZZ_HOLDS(settings_checker_listen(settings, "a", &arena).count > 0);
    for (size_t i = 0; i < settings->registrar.form_fields.count; i++) {
        struct settings_form_field field;
        FUZZ_HOLDS(settings_form_field(str_of(settings->registrar.form_fields.items[i]), &field,
                                       &error) == 0);
    }
    config_free(config);
}
