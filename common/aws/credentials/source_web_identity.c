/* A role taken on with a token of another identity provider, such as Kubernetes
 * (AssumeRoleWithWebIdentity, AWS STS API reference). The call is not signed. */
#include <string.h>

#include "common/aws/credentials/sources.h"
#include "common/base/file.h"
#include "common/base/mem.h"

struct web_identity {
    struct source base;
    const struct sts *sts;
    struct aws_call *call;
    char *form; /* all but the token */
    char *token_file;
};

static void on_answer(void *arg, const struct sts_answer *answer)
{
    struct web_identity *self = arg;

    self->call = NULL;
    sts_end(&self->base, answer);
}

/* The provider replaces the file before the token expires. */
static void fetch(struct source *source)
{
    enum { SHORTEST = 4, LONGEST = 20000 };
    struct web_identity *self = (struct web_identity *)source;
    cleanup(buf_done) struct buf token = BUF_INIT, form = BUF_INIT;
    struct error error;

    if (file_read(self->token_file, LONGEST + 1, &token, &error) < 0) {
        source_fail(source, "%s", error.text);
        return;
    }
    struct str text = str_trim(buf_str(&token));
    if (text.len < SHORTEST || text.len > LONGEST) {
        source_fail(source, "'%s' holds no token: it has %zu bytes", self->token_file, text.len);
        return;
    }
    buf_append_text(&form, self->form);
    form_append(&form, "WebIdentityToken", text);
    self->call = self->sts->ask(self->sts->arg, buf_str(&form), NULL, on_answer, self);
}

static void cancel(struct source *source)
{
    struct web_identity *self = (struct web_identity *)source;

    self->sts->cancel(take(self->call));
}

static void done(struct source *source)
{
    struct web_identity *self = (struct web_identity *)source;

    mem_free(self->form);
    mem_free(self->token_file);
}

int source_web_identity_new(struct source **ret, const struct source_means *means,
                            const struct role *role, const char *token_file, struct error *error)
{
    static const struct source_type type = {.fetch = fetch, .cancel = cancel, .done = done};
    struct role named = *role;
    struct buf form = BUF_INIT;

    if (role_check(role, error) < 0)
        return -1;
    if (!named.session_name || !named.session_name[0])
        named.session_name = means->session_name;
    named.external_id = NULL; /* the operation knows none */
    role_form(&form, "AssumeRoleWithWebIdentity", &named);
    struct web_identity *self = mem_alloc_zero(sizeof(*self));
    source_init(&self->base, &type,
                mem_printf("web identity (role " STR_FMT ")", STR_ARG(role_name(role->arn))));
    self->sts = &means->sts;
    self->form = buf_take(&form);
    self->token_file = mem_strdup(token_file);
    *ret = &self->base;
    return 0;
}
