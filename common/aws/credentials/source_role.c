/* A role taken on with the credentials of another source (AssumeRole, AWS STS API reference). */
#include "common/aws/credentials/source.h"
#include "common/aws/internal.h"
#include "common/base/mem.h"

struct role_source {
    struct source base;
    struct source *below;
    struct keys keys; /* of the source below, while STS is asked */
    struct aws_call *call;
    char *form;
};

static void on_answer(void *arg, const struct aws_response *response)
{
    struct role_source *self = arg;

    self->call = NULL;
    keys_done(&self->keys);
    sts_answer(&self->base, response);
}

static void on_keys_below(void *arg, const struct keys *keys, const struct error *error)
{
    struct role_source *self = arg;

    if (!keys) {
        source_pass_on(&self->base, error);
        return;
    }
    keys_copy(&self->keys, keys);
    self->call = sts_ask(self->base.aws, str_of(self->form), &self->keys, on_answer, self);
}

static void fetch(struct source *source)
{
    struct role_source *self = (struct role_source *)source;

    source_fetch(self->below, on_keys_below, self);
}

static void cancel(struct source *source)
{
    struct role_source *self = (struct role_source *)source;

    source_cancel(self->below);
    aws_call_cancel(take(self->call));
}

static void done(struct source *source)
{
    struct role_source *self = (struct role_source *)source;

    source_free(self->below);
    keys_done(&self->keys);
    mem_free(self->form);
}

int source_role_new(struct source **ret, struct aws *aws, const struct role *role,
                    struct source *base, struct error *error)
{
    static const struct source_type type = {.fetch = fetch, .cancel = cancel, .done = done};
    struct role named = *role;
    struct buf form = BUF_INIT;

    if (role_check(role, error) < 0) {
        source_free(base);
        return -1;
    }
    if (!named.session_name || !named.session_name[0])
        named.session_name = aws->session_name;
    role_form(&form, "AssumeRole", &named);
    struct role_source *self = mem_alloc_zero(sizeof(*self));
    source_init(&self->base, &type, aws,
                mem_printf("role " STR_FMT " by %s", STR_ARG(role_name(role->arn)), base->name));
    self->below = base;
    self->form = buf_take(&form);
    *ret = &self->base;
    return 0;
}
