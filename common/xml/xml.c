#include "common/xml/xml.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"

struct search {
    XML_Parser parser;
    struct arena *arena;
    struct xml_text *texts;
    size_t count;
    struct xml_text *open; /* the element we are in, if it is one of those */
    struct buf collected;
};

static void on_start(void *arg, const char *name, const char **attributes)
{
    struct search *search = arg;
    (void)attributes;

    search->open = NULL;
    buf_clear(&search->collected);
    for (size_t i = 0; i < search->count; i++) {
        if (strcmp(name, search->texts[i].element) == 0 && !search->texts[i].text.ptr)
            search->open = &search->texts[i];
    }
}

static void on_end(void *arg, const char *name)
{
    struct search *search = arg;
    (void)name;

    if (search->open)
        search->open->text = arena_str(search->arena, str_trim(buf_str(&search->collected)));
    search->open = NULL;
}

static void on_text(void *arg, const char *text, int len)
{
    struct search *search = arg;

    if (search->open)
        buf_append(&search->collected, text, (size_t)len);
}

/* AWS sends none, and entities are how XML explodes. */
static void on_doctype(void *arg, const char *name, const char *system_id, const char *public_id,
                       int has_internal_subset)
{
    struct search *search = arg;
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;

    XML_StopParser(search->parser, XML_FALSE);
}

int xml_find(struct arena *arena, struct str xml, struct xml_text *texts, size_t count,
             struct error *error)
{
    struct search search = {.arena = arena, .texts = texts, .count = count};
    int result = 0;

    if (xml.len > INT_MAX)
        return error_set(error, "the XML is too long");
    search.parser = XML_ParserCreate(NULL);
    if (!search.parser)
        mem_exhausted();
    XML_SetUserData(search.parser, &search);
    XML_SetElementHandler(search.parser, on_start, on_end);
    XML_SetCharacterDataHandler(search.parser, on_text);
    XML_SetStartDoctypeDeclHandler(search.parser, on_doctype);
    if (XML_Parse(search.parser, xml.ptr ? xml.ptr : "", (int)xml.len, XML_TRUE) != XML_STATUS_OK)
        result = error_set(error, "not XML: %s", XML_ErrorString(XML_GetErrorCode(search.parser)));
    XML_ParserFree(search.parser);
    buf_done(&search.collected);
    return result;
}
