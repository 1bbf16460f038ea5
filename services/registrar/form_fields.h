/* The onboarding form: which fields it has, and whether what a buyer typed will do.
 *
 * The e-mail address always comes first and is always required: AWS's SaaS product guidelines ask
 * for it on the registration page, and that no free-mail address is refused. The others are the
 * vendor's (form_fields).
 */
#ifndef SERVICES_REGISTRAR_FORM_FIELDS_H
#define SERVICES_REGISTRAR_FORM_FIELDS_H

#include "common/base/arena.h"
#include "common/base/error.h"
#include "common/config/config.h"

enum form_type { FORM_TEXT, FORM_TEL, FORM_EMAIL, FORM_URL, FORM_TENANT, FORM_TYPE_COUNT };

struct form_field {
    struct str name;  /* terminated */
    struct str label; /* for people */
    enum form_type type;
    bool required;
};

struct form {
    struct form_field *fields;
    size_t count;
    size_t tenant; /* which field is the vendor's tenant id; 0, the e-mail address: none */
};

/* One field as sent. problem is empty if the value will do. */
struct form_answer {
    struct str value;
    struct str problem;
};

/* The fields live in the arena. -1 if a field is there twice, has a name of
 * ours or is one too many. */
int form_build(struct form *ret, const struct config_list *items, struct arena *arena,
               struct error *error);

/* Trims and judges every answer (form->count of them); returns how many have a problem. */
size_t form_judge(const struct form *form, struct form_answer *answers);

/* What the browser is told, so that it helps while the buyer types. */
const char *form_type_input(enum form_type type); /* "text", "tel", "email", "url" */
const char *form_field_autocomplete(const struct form_field *field); /* HTML's token, or "on" */
size_t form_type_limit(enum form_type type);                         /* in characters */

bool form_is_email(struct str text);
bool form_is_tel(struct str text);
bool form_is_url(struct str text);

#endif
