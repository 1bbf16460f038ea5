/* The security token service, as far as a seller's software needs it (AWS STS API reference). The
 * form's fields arrive as a JSON object of strings, the answer's members leave as XML (respond.c).
 */
#include <ctype.h>
#include <string.h>

#include "common/aws/arn/arn.h"
#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "services/sandbox/sandbox.h"

static bool get_caller_identity(struct call *call)
{
    struct json *body = json_new_object();
    struct str arn = call->caller.arn;

    if (str_is_empty(arn))
        arn = arena_printf(&call->arena, "arn:aws:iam::" STR_FMT ":root",
                           STR_ARG(call->caller.account));
    json_set_str(body, "Arn", arn);
    json_set_str(body, "UserId", caller_user_id(&call->caller, &call->arena));
    json_set_str(body, "Account", call->caller.account);
    return answer_ok(&call->answer, body);
}

struct assumption {
    struct str account, role, session;
    int64_t duration_s;
};

static bool is_session_name(struct str name)
{
    if (name.len < 2 || name.len > 64)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!isalnum((unsigned char)name.ptr[i]) && !strchr("_+=,.@-", name.ptr[i]))
            return false;
    }
    return true;
}

/* "arn:aws:iam::<account>:role/<name>". */
static bool parse_role(struct str text, struct assumption *ret)
{
    struct arn arn;

    if (!arn_split(text, &arn) || !str_eq(arn.service, STR("iam")))
        return false;
    ret->account = arn.account;
    ret->role = arn_resource_name(&arn, STR("role/"));
    return !str_is_empty(ret->role);
}

/* As IAM words it ("Troubleshoot access denied error messages", IAM user guide). */
static bool deny(struct call *call)
{
    const char *action = call->operation->name;

    if (str_is_empty(call->caller.arn))
        return answer_error(&call->answer, "AccessDenied", "Not authorized to perform sts:%s",
                            action);
    return answer_error(
        &call->answer, "AccessDenied",
        "User: " STR_FMT " is not authorized to perform: sts:%s on resource: " STR_FMT,
        STR_ARG(call->caller.arn), action, STR_ARG(json_get_str(call->request, "RoleArn")));
}

static bool read_assumption(struct call *call, struct assumption *ret)
{
    enum { SHORTEST_S = 900, LONGEST_S = 43200 };
    const struct json *duration = json_get(call->request, "DurationSeconds");

    ret->session = json_get_str(call->request, "RoleSessionName");
    ret->duration_s = call->sandbox->world.credentials_lifetime_s;
    if (!parse_role(json_get_str(call->request, "RoleArn"), ret))
        return !answer_error(&call->answer, "ValidationError", "RoleArn is not valid");
    if (!is_session_name(ret->session))
        return !answer_error(&call->answer, "ValidationError", "RoleSessionName is not valid");
    if (duration && (!str_to_i64(json_str(duration), &ret->duration_s) ||
                     ret->duration_s < SHORTEST_S || ret->duration_s > LONGEST_S))
        return !answer_error(&call->answer, "ValidationError",
                             "DurationSeconds must be from 900 to 43200");
    if (!world_seller(&call->sandbox->world, ret->account))
        return !deny(call);
    return true;
}

/* Takes the body, which may hold more. */
static bool answer_credentials(struct call *call, const struct assumption *assumption,
                               struct json *body)
{
    struct json *credentials = json_new_object();
    struct json *user = json_new_object();
    char expiration[CLOCK_TEXT_SIZE];
    struct str arn = arena_printf(
        &call->arena, "arn:aws:sts::" STR_FMT ":assumed-role/" STR_FMT "/" STR_FMT,
        STR_ARG(assumption->account), STR_ARG(assumption->role), STR_ARG(assumption->session));
    const struct access_key *key =
        world_new_key(&call->sandbox->world, assumption->account, arn, assumption->duration_s);

    json_set_str(user, "Arn", arn);
    json_set_str(user, "AssumedRoleId", caller_role_id(assumption->session, &call->arena));
    json_set(body, "AssumedRoleUser", user);
    json_set_str(credentials, "AccessKeyId", key->id);
    json_set_str(credentials, "SecretAccessKey", key->secret);
    json_set_str(credentials, "SessionToken", key->session_token);
    json_set_str(credentials, "Expiration", str_of(clock_format_s(key->expires_at, expiration)));
    json_set(body, "Credentials", credentials);
    return answer_ok(&call->answer, body);
}

/* The roles' trust policy may ask for an external id. */
static bool has_external_id(struct call *call)
{
    struct str wanted = call->sandbox->world.external_id;

    return str_is_empty(wanted) || str_eq(json_get_str(call->request, "ExternalId"), wanted);
}

static bool assume_role(struct call *call)
{
    struct assumption assumption;

    if (!read_assumption(call, &assumption))
        return true;
    if (!has_external_id(call))
        return deny(call);
    return answer_credentials(call, &assumption, json_new_object());
}

/* The claims of a JSON web token, unverified: the sandbox knows no identity provider. NULL if the
 * text is no such token. */
static struct json *token_claims(struct str token)
{
    struct buf plain = BUF_INIT;
    struct json *claims = NULL;

    str_split(&token, '.');
    struct str part = str_split(&token, '.');
    if (!str_is_empty(token) && crypto_base64url_decode(&plain, part) == 0)
        json_parse(&claims, buf_str(&plain), NULL);
    buf_done(&plain);
    return claims;
}

/* False: a claim is missing that OpenID Connect asks for. */
static bool tell_identity(const struct json *claims, struct json *body)
{
    const struct json *audiences = json_get(claims, "aud");
    struct str audience =
        json_str(json_kind(audiences) == JSON_KIND_ARRAY ? json_at(audiences, 0) : audiences);
    struct str subject = json_get_str(claims, "sub"), provider = json_get_str(claims, "iss");

    json_set_str(body, "SubjectFromWebIdentityToken", subject);
    json_set_str(body, "Audience", audience);
    json_set_str(body, "Provider", provider);
    return !str_is_empty(subject) && !str_is_empty(audience) && !str_is_empty(provider);
}

static bool assume_role_with_web_identity(struct call *call)
{
    struct assumption assumption;
    double expires_at = 0;

    if (!read_assumption(call, &assumption))
        return true;
    struct json *claims = token_claims(json_get_str(call->request, "WebIdentityToken"));
    if (!claims)
        return answer_error(&call->answer, "InvalidIdentityToken",
                            "The web identity token is not a JSON web token");
    bool expired =
        json_number(json_get(claims, "exp"), &expires_at) && expires_at <= (double)clock_wall_s();
    struct json *body = json_new_object();
    bool whole = tell_identity(claims, body);
    json_free(claims);
    if (!expired && whole)
        return answer_credentials(call, &assumption, body);
    json_free(body);
    return expired ? answer_error(&call->answer, "ExpiredWebIdentity",
                                  "Token expired: the web identity token is past its time")
                   : answer_error(&call->answer, "InvalidIdentityToken",
                                  "The web identity token lacks one of the claims iss, sub, aud");
}

const struct operation sts_operations[] = {
    {SERVICE_STS, "GetCallerIdentity", get_caller_identity, false},
    {SERVICE_STS, "AssumeRole", assume_role, false},
    {SERVICE_STS, "AssumeRoleWithWebIdentity", assume_role_with_web_identity, true},
    {0},
};
