/* Keys as JSON, from a container, an instance or a program, and what stands around them. */
#include "common/aws/credentials/command.h"
#include "common/aws/credentials/sources.h"
#include "common/aws/environment/url.h"
#include "common/base/mem.h"
#include "tests/fuzz/fuzz.h"

static void read_keys(struct str input, const char *token_member)
{
    struct keys keys = {0};
    struct error error = {""};

    if (keys_from_json(&keys, input, token_member, &error) == 0)
        FUZZ_HOLDS(keys.access_key_id && keys.secret_access_key);
    else
        FUZZ_HOLDS(error.text[0] && !keys.access_key_id && !keys.secret_access_key);
    keys_done(&keys);
}

static void read_texts(const char *text)
{
    struct error error = {""};
    struct url_parts parts;
    size_t count;
    char **words = split_command(text, &count);

    if (words)
        mem_free(words[0]);
    mem_free(words);
    mem_free(container_url(NULL, text, &error));
    mem_free(container_url(text, NULL, &error));
    url_split(text, &parts, &error);
    url_check_endpoint(text, &error);
}

void fuzz_one(struct str input)
{
    cleanup(mem_freep) char *text = str_dup(input);

    read_keys(input, "Token");
    read_keys(input, "SessionToken");
    read_texts(text);
}
