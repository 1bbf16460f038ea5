#include "common/aws/credentials/keys.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/json/json.h"

void keys_done(struct keys *keys)
{
    mem_free(keys->access_key_id);
    mem_free(keys->secret_access_key);
    mem_free(keys->session_token);
    *keys = (struct keys){0};
}

void keys_copy(struct keys *to, const struct keys *from)
{
    struct keys copy = {.access_key_id = mem_strdup(from->access_key_id),
                        .secret_access_key = mem_strdup(from->secret_access_key),
                        .session_token = mem_strdup(from->session_token),
                        .expires_at_s = from->expires_at_s};

    keys_done(to);
    *to = copy;
}

static bool equal(const char *a, const char *b)
{
    return !a || !b ? a == b : strcmp(a, b) == 0;
}

bool keys_equal(const struct keys *a, const struct keys *b)
{
    return equal(a->access_key_id, b->access_key_id) &&
           equal(a->secret_access_key, b->secret_access_key) &&
           equal(a->session_token, b->session_token);
}

static bool is_set(const char *text)
{
    return text && text[0];
}

int keys_take(struct keys *keys, const char *id, const char *secret, const char *token,
              const char *from, struct error *error)
{
    if (!is_set(id) && !is_set(secret))
        return 0;
    if (!is_set(id) || !is_set(secret))
        return error_set(error, "AWS credentials from %s: the %s is missing", from,
                         is_set(id) ? "secret access key" : "access key id");
    keys_done(keys);
    keys->access_key_id = mem_strdup(id);
    keys->secret_access_key = mem_strdup(secret);
    keys->session_token = is_set(token) ? mem_strdup(token) : NULL;
    return 1;
}

int keys_expiration(struct str text, int64_t *ret_time_s, struct error *error)
{
    if (clock_parse_iso8601(str_trim(text), ret_time_s) < 0)
        return error_set(error, "'" STR_FMT "' is not a time of expiry", STR_ARG(text));
    return 0;
}

/* An absent member stays NULL; one that is no text is a mistake. */
static int copy_member(const struct json *object, const char *name, char **ret, struct error *error)
{
    const struct json *value = json_get(object, name);
    enum json_kind kind = json_kind(value);

    if (kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL)
        return 0;
    if (kind != JSON_KIND_STRING)
        return error_set(error, "%s is no text", name);
    *ret = json_str(value).len ? str_dup(json_str(value)) : NULL;
    return 0;
}

static int read_members(struct keys *keys, const struct json *object, const char *token_member,
                        struct error *error)
{
    cleanup(mem_freep) char *expiration = NULL;

    if (copy_member(object, "AccessKeyId", &keys->access_key_id, error) < 0 ||
        copy_member(object, "SecretAccessKey", &keys->secret_access_key, error) < 0 ||
        copy_member(object, token_member, &keys->session_token, error) < 0 ||
        copy_member(object, "Expiration", &expiration, error) < 0)
        return -1;
    if (!keys->access_key_id || !keys->secret_access_key)
        return error_set(error, "the answer lacks %s",
                         keys->access_key_id ? "SecretAccessKey" : "AccessKeyId");
    return expiration ? keys_expiration(str_of(expiration), &keys->expires_at_s, error) : 0;
}

int keys_from_json(struct keys *keys, struct str text, const char *token_member,
                   struct error *error)
{
    cleanup(json_freep) struct json *object = NULL;
    struct keys read = {0};

    if (json_parse(&object, text, error) < 0)
        return -1;
    if (read_members(&read, object, token_member, error) < 0) {
        keys_done(&read);
        return -1;
    }
    keys_done(keys);
    *keys = read;
    return 0;
}
