#include "common/config/ini.h"

#include <ini.h>
#include <string.h>

/* Debian's inih keeps 49 characters of a section or a name and drops the rest in silence. */
enum { LONGEST_NAME = 49, LONGEST_LINE = 8192, LINE_END_SIZE = 3 };

struct source {
    struct str rest;
    unsigned line;
    bool named;    /* a pair of this section has been seen, so a deeper line continues it */
    size_t indent; /* of that pair */
    bool failed;
    ini_visit_fn *visit;
    void *arg;
    struct error *error;
};

static void fail(struct source *source)
{
    source->failed = true;
    error_prefix(source->error, "line %u", source->line);
}

static struct str skip_blanks(struct str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    return s;
}

static bool is_comment(struct str content)
{
    return content.len == 0 || content.ptr[0] == ';' || content.ptr[0] == '#';
}

/* inih keeps a comment behind a continued value and takes it off behind any other. */
static struct str without_comment(struct str content)
{
    for (size_t i = 1; i < content.len; i++) {
        if (content.ptr[i] == ';' && (content.ptr[i - 1] == ' ' || content.ptr[i - 1] == '\t'))
            return str_from(content.ptr, i);
    }
    return content;
}

static int check_section(struct str content, struct error *error)
{
    struct str rest = str_from(content.ptr + 1, content.len - 1);
    const char *end = memchr(content.ptr, ']', content.len);

    if (!end)
        return error_set(error, "the section has no ']'");
    struct str name = str_split(&rest, ']');
    if (name.len > LONGEST_NAME)
        return error_set(error, "the section's name is longer than %d characters", LONGEST_NAME);
    if (str_is_empty(str_trim(name)))
        return error_set(error, "the section has no name");
    if (!is_comment(str_trim(rest)))
        return error_set(error, "there is text behind the section's ']'");
    return 0;
}

static int check_line(struct str line, size_t room, struct error *error)
{
    if (line.len > LONGEST_LINE || line.len + LINE_END_SIZE > room)
        return error_set(error, "the line is longer than %d characters", LONGEST_LINE);
    if (line.len > 0 && memchr(line.ptr, '\0', line.len))
        return error_set(error, "the line holds a NUL character");
    return 0;
}

static char *put_line(char *buffer, const char *indent, struct str content)
{
    size_t len = strlen(indent);

    memcpy(buffer, indent, len);
    if (content.len > 0)
        memcpy(buffer + len, content.ptr, content.len);
    buffer[len + content.len] = '\n';
    buffer[len + content.len + 1] = '\0';
    return buffer;
}

/* inih continues the last value with any indented line, so a section that someone indented for
 * looks would become one value. Here, as with Python's configparser (which reads AWS's own files),
 * only a line deeper than the pair above it continues it; other indentation is taken off. */
static char *put_content(struct source *source, struct str line, char *buffer)
{
    struct str content = skip_blanks(line);
    size_t indent = line.len - content.len;

    if (is_comment(content))
        return put_line(buffer, "", STR_NONE);
    if (source->named && indent > source->indent)
        return put_line(buffer, " ", without_comment(content));

    source->named = content.ptr[0] != '[';
    source->indent = indent;
    if (!source->named && check_section(content, source->error) != 0) {
        fail(source);
        return NULL;
    }
    return put_line(buffer, "", content);
}

static char *next_line(char *buffer, int size, void *stream)
{
    struct source *source = stream;

    if (source->failed || str_is_empty(source->rest))
        return NULL;
    struct str line = str_split(&source->rest, '\n');
    source->line++;
    if (check_line(line, (size_t)size, source->error) != 0) {
        fail(source);
        return NULL;
    }
    return put_content(source, line, buffer);
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
    struct source *source = user;
    int err;

    if (source->failed)
        return 0;
    if (name[0] == '\0')
        err = error_set(source->error, "there is no name in front of the '='");
    else if (strlen(name) > LONGEST_NAME)
        err = error_set(source->error, "the name is longer than %d characters", LONGEST_NAME);
    else
        err = source->visit(source->arg, str_of(section), str_of(name), str_of(value), source->line,
                            source->error);
    if (err != 0)
        fail(source);
    return err == 0;
}

static struct str without_byte_order_mark(struct str text)
{
    struct str mark = STR("\xef\xbb\xbf");

    return str_starts_with(text, mark) ? str_from(text.ptr + mark.len, text.len - mark.len) : text;
}

int ini_read(struct str text, ini_visit_fn *visit, void *arg, struct error *error)
{
    struct source source = {
        .rest = without_byte_order_mark(text), .visit = visit, .arg = arg, .error = error};

    /* 200 bytes, the default, is less than a session token of AWS. */
    ini_max_line = LONGEST_LINE + LINE_END_SIZE;
    ini_stop_on_first_error = true;

    int bad_line = ini_parse_stream(next_line, &source, on_pair, &source);
    if (source.failed)
        return -1;
    if (bad_line != 0)
        return error_set(error, "line %u: neither [section] nor name = value", source.line);
    return 0;
}
