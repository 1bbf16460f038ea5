/* Writes docs/protocol.md and docs/errors.md from the declarations: protocol_doc protocol HEAD,
 * where HEAD is the hand-written beginning of the page, or protocol_doc errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/endpoint/context.h"
#include "proto/message.h"

static const char *kind_text(const struct field *field)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "text",        [FIELD_BIN] = "bytes",      [FIELD_BOOL] = "boolean",
        [FIELD_INT] = "integer",      [FIELD_NUM] = "number",     [FIELD_TIME] = "time",
        [FIELD_VALUE] = "value",      [FIELD_CHOICE] = "word of", [FIELD_STRS] = "array of texts",
        [FIELD_ITEM] = "map",         [FIELD_LIST] = "array of",  [FIELD_ROWS] = "array of arrays:",
        [FIELD_ENCODED] = "array of",
    };

    return names[field->kind];
}

static void print_type(const struct field *field)
{
    printf("%s", kind_text(field));
    if (field->enumeration)
        printf(" [%s](#words-%s)", field->enumeration->name, field->enumeration->name);
    if (field->child)
        printf(" [%s](#map-%s)", field->child->name, field->child->name);
    if (field->limit > 0)
        printf(", at most %zu%s", field->limit,
               field->kind == FIELD_TEXT || field->kind == FIELD_BIN ? " bytes" : "");
}

static void print_need(const struct field *field, bool parameters)
{
    if (field->need == REQUIRED)
        printf("required");
    else if (field->need == OPTION && parameters)
        printf("in the options map");
    else if (field->kind == FIELD_INT || field->kind == FIELD_NUM)
        printf("default %g", field->fallback);
    else
        printf("optional");
}

static void print_fields(const struct shape *shape, bool parameters)
{
    if (shape->field_count == 0) {
        printf("None.\n\n");
        return;
    }
    printf("| %s | type | | |\n| --- | --- | --- | --- |\n", parameters ? "parameter" : "member");
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        printf("| `%s` | ", field->name);
        print_type(field);
        printf(" | ");
        print_need(field, parameters);
        printf(" | %s |\n", field->doc);
    }
    printf("\n");
}

static void print_method(const struct method *method)
{
    printf("#### `%s`\n\n%s\n\nParameters. ", method->name, method->doc);
    print_fields(method->params, true);
    printf("Result: map [%s](#map-%s).\n\n", method->result->name, method->result->name);
}

static void print_methods(const char *server, const char *title)
{
    printf("### %s\n\n", title);
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(methods[i].server, server) == 0)
            print_method(&methods[i]);
    }
}

static void print_events(void)
{
    printf("### Events of the feeds\n\n");
    for (size_t i = 0; i < EVENT_COUNT; i++) {
        printf("#### `%s`\n\n%s\n\n", events[i].name, events[i].doc);
        print_fields(events[i].params, true);
    }
}

static void print_maps(void)
{
    printf("## Maps\n\n");
    for (size_t i = 0; i < shape_count; i++) {
        bool is_params = strstr(shapes[i]->name, "_params") || strstr(shapes[i]->name, "_event");
        bool is_stored = strncmp(shapes[i]->name, "stored_", strlen("stored_")) == 0;
        if (is_params || is_stored)
            continue;
        printf("<a id=\"map-%s\"></a>\n### %s\n\n%s\n\n", shapes[i]->name, shapes[i]->name,
               shapes[i]->doc);
        print_fields(shapes[i], false);
    }
}

static void print_words(void)
{
    printf("## Words\n");
    for (size_t i = 0; i < enumeration_count; i++) {
        const struct enumeration *enumeration = enumerations[i];
        printf("\n<a id=\"words-%s\"></a>\n### %s\n\n%s\n\n| word | |\n| --- | --- |\n",
               enumeration->name, enumeration->name, enumeration->doc);
        for (int word = 1; word < enumeration->count; word++)
            printf("| `%s` | %s |\n", enumeration->words[word].text, enumeration->words[word].doc);
    }
}

static int print_head(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[4096];

    if (!file) {
        fprintf(stderr, "cannot read '%s'\n", path);
        return 1;
    }
    while (fgets(line, sizeof(line), file))
        fputs(line, stdout);
    fclose(file);
    return 0;
}

static int print_protocol(const char *head)
{
    if (print_head(head) != 0)
        return 1;
    printf("\n## Methods\n\nThis part is generated from `proto/messages.def`; protocol %d.%d.\n\n",
           PROTOCOL_MAJOR, PROTOCOL_MINOR);
    print_methods("query", "A checker's query endpoint");
    print_methods("store", "The store's endpoint");
    print_events();
    print_maps();
    print_words();
    return 0;
}

static int print_errors(void)
{
    printf(
        "# Errors\n\nGenerated from `proto/errors.def`. An error is a map with `code`, `message` "
        "(a sentence\nabout this case) and `retryable`: whether the same request may succeed "
        "later.\n\n| code | retryable | |\n| --- | --- | --- |\n");
    for (int i = ERROR_NONE + 1; i < ERROR_COUNT; i++)
        printf("| `%s` | %s | %s |\n", rpc_errors[i].code, rpc_errors[i].retryable ? "yes" : "no",
               rpc_errors[i].sentence);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "protocol") == 0)
        return print_protocol(argv[2]);
    if (argc == 2 && strcmp(argv[1], "errors") == 0)
        return print_errors();
    fprintf(stderr, "usage: protocol_doc protocol HEAD | protocol_doc errors\n");
    return 2;
}
