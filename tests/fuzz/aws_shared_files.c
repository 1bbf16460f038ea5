/* AWS's shared files, and what a profile in them names. Nothing is run or asked. */
#include "common/aws/credentials/source.h"
#include "common/aws/internal.h"
#include "common/base/mem.h"
#include "tests/fuzz/memory_file.h"

static void choose(const struct shared_files *files, const char *profile)
{
    struct aws aws = {.profile = (char *)(uintptr_t)profile, .session_name = "fuzz"};
    struct source *source = NULL;
    struct error error = {""};

    if (profile_source(&source, &aws, files, profile, &error) < 0)
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
