#include "services/registrar/form_fields.h"

#include <ctype.h>
#include <string.h>

#include "proto/settings/settings.h"

/* The store keeps 50 fields (proto/messages.def, contact_put). */
enum { FIELD_LIMIT = 50, EMAIL_LIMIT = 254, EMAIL_LOCAL_LIMIT = 64, TEL_DIGITS = 5 };

static const struct {
    const char *name;
    size_t limit;
    bool (*holds)(struct str text); /* NULL: any text */
    const char *problem;
} types[FORM_TYPE_COUNT] = {
    [FORM_TEXT] = {"text", 200, NULL, ""},
    [FORM_TEL] = {"tel", 40, form_is_tel,
                  "This is not a telephone number. Example: +1 206 555 0100."},
    [FORM_EMAIL] = {"email", EMAIL_LIMIT, form_is_email,
                    "This is not an e-mail address. Example: name@example.com."},
    [FORM_URL] = {"url", 400, form_is_url,
                  "This is not a web address. Example: https://example.com."},
    [FORM_TENANT] = {"tenant", 100, NULL, ""},
};

static bool is_there(const struct form *form, struct str name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (str_eq(form->fields[i].name, name))
            return true;
    }
    return false;
}

/* "company_name" becomes "Company name". */
static struct str make_label(struct arena *arena, struct str name)
{
    char *text = arena_alloc(arena, name.len + 1);

    for (size_t i = 0; i < name.len; i++)
        text[i] = name.ptr[i] == '_' || name.ptr[i] == '-' ? ' ' : name.ptr[i];
    text[0] = (char)toupper((unsigned char)text[0]);
    return str_from(text, name.len);
}

static enum form_type type_of(struct str name)
{
    for (int i = 0; i < FORM_TYPE_COUNT; i++) {
        if (str_eq_text(name, types[i].name))
            return (enum form_type)i;
    }
    return FORM_TEXT;
}

static int add_field(struct form *form, struct str item, struct arena *arena, struct error *error)
{
    struct settings_form_field parsed;

    if (settings_form_field(item, &parsed, error) != 0)
        return -1;
    if (str_eq(parsed.name, STR("form_word")))
        return error_set(error, "'" STR_FMT "' is a field of every form already",
                         STR_ARG(parsed.name));
    if (is_there(form, parsed.name))
        return error_set(error, "the field '" STR_FMT "' is there twice", STR_ARG(parsed.name));
    if (form->tenant > 0 && type_of(parsed.type) == FORM_TENANT)
        return error_set(error, "there can be one field of type tenant");
    if (type_of(parsed.type) == FORM_TENANT)
        form->tenant = form->count;
    form->fields[form->count++] = (struct form_field){
        .name = arena_str(arena, parsed.name),
        .label = make_label(arena, parsed.name),
        .type = type_of(parsed.type),
        .required = parsed.required,
    };
    return 0;
}

int form_build(struct form *ret, const struct config_list *items, struct arena *arena,
               struct error *error)
{
    struct form form = {.count = 1};

    if (items->count + 1 > FIELD_LIMIT)
        return error_set(error, "[registrar] form_fields: more than %d fields", FIELD_LIMIT - 1);
    form.fields = arena_alloc_array(arena, items->count + 1, sizeof(*form.fields));
    form.fields[0] = (struct form_field){
        .name = STR("email"), .label = STR("E-mail address"), .type = FORM_EMAIL, .required = true};
    for (size_t i = 0; i < items->count; i++) {
        if (add_field(&form, str_of(items->items[i]), arena, error) != 0)
            return error_prefix(error, "[registrar] form_fields");
    }
    *ret = form;
    return 0;
}

static size_t count_characters(struct str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return true;
    }
    return false;
}

static const char *find_problem(const struct form_field *field, struct str value)
{
    if (value.len == 0)
        return field->required ? "Please fill in this field." : "";
    if (!str_is_utf8(value) || has_control(value))
        return "This holds characters that cannot be read. Please type it again.";
    if (count_characters(value) > types[field->type].limit)
        return "This is too long.";
    if (types[field->type].holds && !types[field->type].holds(value))
        return types[field->type].problem;
    return "";
}

size_t form_judge(const struct form *form, struct form_answer *answers)
{
    size_t problems = 0;

    for (size_t i = 0; i < form->count; i++) {
        answers[i].value = str_trim(answers[i].value);
        answers[i].problem = str_of(find_problem(&form->fields[i], answers[i].value));
        problems += answers[i].problem.len > 0;
    }
    return problems;
}

const char *form_type_input(enum form_type type)
{
    return type == FORM_TENANT ? "text" : types[type].name;
}

size_t form_type_limit(enum form_type type)
{
    return types[type].limit;
}

/* HTML Living Standard, "Autofill": WCAG 2.1, 1.3.5, asks that fields about the user say what they
 * are. */
const char *form_field_autocomplete(const struct form_field *field)
{
    static const struct {
        const char *name, *token;
    } known[] = {
        {"email", "email"},
        {"name", "name"},
        {"company", "organization"},
        {"organization", "organization"},
        {"phone", "tel"},
        {"country", "country-name"},
        {"first_name", "given-name"},
        {"last_name", "family-name"},
        {"website", "url"},
        {"job_title", "organization-title"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_eq_text(field->name, known[i].name))
            return known[i].token;
    }
    return field->type == FORM_TEL ? "tel" : "on";
}

static bool is_atom(unsigned char c)
{
    return isalnum(c) || c >= 0x80 || (c != '\0' && strchr(".!#$%&'*+/=?^_`{|}~-", c));
}

static bool is_local_part(struct str text)
{
    if (text.len == 0 || text.len > EMAIL_LOCAL_LIMIT)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_atom((unsigned char)text.ptr[i]))
            return false;
    }
    return true;
}

static bool is_label(struct str text)
{
    if (text.len == 0 || text.len > 63 || text.ptr[0] == '-' || text.ptr[text.len - 1] == '-')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (!isalnum(c) && c < 0x80 && c != '-')
            return false;
    }
    return true;
}

static bool is_host(struct str text)
{
    if (text.len == 0 || text.ptr[text.len - 1] == '.')
        return false;
    while (text.len > 0) {
        if (!is_label(str_split(&text, '.')))
            return false;
    }
    return true;
}

/* HTML Living Standard, "Valid e-mail address", and besides any character beyond ASCII (RFC 6531).
 * Whether mail arrives there nobody can tell from the text. */
bool form_is_email(struct str text)
{
    struct str host = text;
    struct str local = str_split(&host, '@');

    return text.len <= EMAIL_LIMIT && is_local_part(local) && is_host(host) &&
           memchr(host.ptr, '.', host.len);
}

bool form_is_tel(struct str text)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        digits += isdigit(c) != 0;
        if (!isdigit(c) && (c == '\0' || !strchr("+-()./ #x", c)))
            return false;
    }
    return digits >= TEL_DIGITS;
}

bool form_is_url(struct str text)
{
    struct str rest = text;

    if (str_starts_with(text, STR("https://")))
        rest = str_from(text.ptr + 8, text.len - 8);
    else if (str_starts_with(text, STR("http://")))
        rest = str_from(text.ptr + 7, text.len - 7);
    else
        return false;
    if (memchr(text.ptr, ' ', text.len))
        return false;
    struct str authority = str_split(&rest, '/');
    return is_host(str_split(&authority, ':'));
}
