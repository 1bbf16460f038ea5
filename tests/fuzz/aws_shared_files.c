/* AWS's shared files, and what a profile in them names. Nothing is run or asked. */
#include "common/aws/credentials/profile.h"
#include "common/base/mem.h"
#include "tests/fuzz/memory_file.h"

static void choose(struct shared_files *files, char *profile)
{
    const struct aws_warnings warnings = {0};
    const struct source_means means = {.session_name = "fuzz", .warnings = &warnings};
    const struct configured configured = {files, profile, &warnings};
    struct source *source = NULL;
    struct error error = {""};

    if (profile_source(&source, &means, &configured, &error) < 0)
        FUZZ_HOLDS(error.text[0] && !source);
    source_free(source);
}

void fuzz_one(struct str input)
{
    cleanup(memory_file_done) struct memory_file file = memory_file_new(input);
    cleanup(shared_files_freep) struct shared_files *files = NULL;
    struct error error = {""};

    setenv("AWS_CONFIG_FILE", file.path, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", file.path, 1);
    if (shared_files_read(&files, &error) < 0) {
        FUZZ_HOLDS(error.text[0]);
        return;
    }
    choose(files, "default");
    choose(files, "seller");
}
