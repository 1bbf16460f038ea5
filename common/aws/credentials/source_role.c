/* A role taken on with the credentials of another source (AssumeRole, AWS STS API reference). */
#include "common/aws/credentials/sources.h"
#include "common/base/mem.h"

struct role_source {
    struct source base;
    const struct sts *sts;
    struct source *below;
    struct keys keys; /* of the source below, while STS is asked */
    struct aws_call *call;
    char *form;
};

static void on_answer(void *arg, const struct sts_answer *answer)
{
    struct role_source *self = arg;

    self->call = NULL;
    keys_done(&self->keys);
    sts_end(&self->base, answer);
}

static void on_keys_below(void *arg, const struct keys *keys, const struct error *error)
{
    struct role_source *self = arg;

    if (!keys) {
        source_pass_on(&self->base, error);
        return;
    }
    keys_copy(&self->keys, keys);
    self->call = self->sts->ask(self->sts->arg, str_of(self->form), &self->keys, on_answer, self);
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
    self->sts->cancel(take(self->call));
}

static void done(struct source *source)
{
    struct role_source *self = (struct role_source *)source;

    source_free(self->below);
    keys_done(&self->keys);
    mem_free(self->form);
}

int source_role_new(struct source **ret, const struct source_means *means, const struct role *role,
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
        named.session_name = means->session_name;
    role_form(&form, "AssumeRole", &named);
    struct role_source *self = mem_alloc_zero(sizeof(*self));
    source_init(&self->base, &type,
                mem_printf("role " STR_FMT " by %s", STR_ARG(role_name(role->arn)), base->name));
    self->sts = &means->sts;
    self->below = base;
    self->form = buf_take(&form);
    *ret = &self->base;
    return 0;
}
