#include "common/aws/credentials/sts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/aws/arn/arn.h"
#include "common/aws/credentials/source.h"
#include "common/base/arena.h"
#include "common/base/escape.h"
#include "common/base/mem.h"
#include "common/xml/xml.h"

static bool is_set(const char *text)
{
    return text && text[0];
}

static bool is_word(const char *text, const char *also, size_t min, size_t max)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr(also, text[i]))
            return false;
    }
    return len >= min && len <= max;
}

struct str role_name(const char *arn)
{
    struct arn parts;

    return arn_split(str_of(arn), &parts) ? arn_resource_name(&parts, STR("role/")) : STR_NONE;
}

static bool is_duration(const char *text)
{
    enum { SHORTEST_S = 900, LONGEST_S = 43200 };
    int64_t seconds;

    return str_to_i64(str_of(text), &seconds) && seconds >= SHORTEST_S && seconds <= LONGEST_S;
}

static bool is_session_name(const char *text)
{
    return is_word(text, "_+=,.@-", 2, 64);
}

void role_leave_out_unusable(const struct aws_warnings *warnings, struct role *role)
{
    if (is_set(role->duration_s) && !is_duration(role->duration_s)) {
        aws_warn(warnings, "duration_seconds '%s' is not from 900 to 43200; left out",
                 role->duration_s);
        role->duration_s = NULL;
    }
    if (is_set(role->session_name) && !is_session_name(role->session_name)) {
        aws_warn(warnings, "the role session name '%s' is not 2 to 64 of [\\w+=,.@-]; left out",
                 role->session_name);
        role->session_name = NULL;
    }
}

int role_check(const struct role *role, struct error *error)
{
    enum { LONGEST_ARN = 2048 };

    if (str_is_empty(role_name(role->arn)) || !is_word(role->arn, "_+=,.@-:/", 20, LONGEST_ARN))
        return error_set(error, "'%s' is not the ARN of a role", role->arn);
    if (is_set(role->session_name) && !is_session_name(role->session_name))
        return error_set(error, "the role session name '%s' is not 2 to 64 of [\\w+=,.@-]",
                         role->session_name);
    if (is_set(role->external_id) && !is_word(role->external_id, "_+=,.@:/-", 2, 1224))
        return error_set(error, "the external id is not 2 to 1224 of [\\w+=,.@:/-]");
    return 0;
}

void form_append(struct buf *form, const char *name, struct str value)
{
    buf_printf(form, "%s%s=", form->len ? "&" : "", name);
    escape_percent(form, value);
}

void role_form(struct buf *form, const char *action, const struct role *role)
{
    form_append(form, "Action", str_of(action));
    form_append(form, "Version", STR("2011-06-15"));
    form_append(form, "RoleArn", str_of(role->arn));
    form_append(form, "RoleSessionName", str_of(role->session_name));
    if (is_set(role->duration_s))
        form_append(form, "DurationSeconds", str_of(role->duration_s));
    if (is_set(role->external_id))
        form_append(form, "ExternalId", str_of(role->external_id));
}

/* The views of texts live in the arena. */
static int read_keys(struct arena *arena, struct str xml, struct keys *keys, struct error *error)
{
    struct xml_text texts[] = {{"AccessKeyId", STR_NONE},
                               {"SecretAccessKey", STR_NONE},
                               {"SessionToken", STR_NONE},
                               {"Expiration", STR_NONE}};

    if (xml_find(arena, xml, texts, 4, error) < 0)
        return error_prefix(error, "the answer of STS");
    for (size_t i = 0; i < 4; i++) {
        if (str_is_empty(texts[i].text))
            return error_set(error, "the answer of STS lacks %s", texts[i].element);
    }
    if (keys_expiration(texts[3].text, &keys->expires_at_s, error) < 0)
        return error_prefix(error, "the answer of STS");
    keys->access_key_id = str_dup(texts[0].text);
    keys->secret_access_key = str_dup(texts[1].text);
    keys->session_token = str_dup(texts[2].text);
    return 0;
}

void sts_end(struct source *source, const struct sts_answer *answer)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct keys keys = {0};
    struct error error;

    if (!str_is_empty(answer->failure))
        source_fail(source, "STS: " STR_FMT, STR_ARG(answer->failure));
    else if (read_keys(&arena, answer->xml, &keys, &error) < 0)
        source_fail(source, "%s", error.text);
    else
        source_succeed(source, &keys);
    keys_done(&keys);
}
