#include "common/aws/credentials/command.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/mem.h"

struct splitter {
    const char *at;
    char *out; /* where the next byte goes */
};

/* Copies up to the closing quote; false if there is none. */
static bool copy_quoted(struct splitter *self)
{
    char quote = *self->at++;

    while (*self->at && *self->at != quote) {
        if (quote == '"' && *self->at == '\\' && self->at[1] && strchr("\"\\$`", self->at[1]))
            self->at++;
        *self->out++ = *self->at++;
    }
    return *self->at++ == quote;
}

static bool copy_word(struct splitter *self)
{
    while (*self->at && !strchr(" \t", *self->at)) {
        if (*self->at == '\'' || *self->at == '"') {
            if (!copy_quoted(self))
                return false;
            continue;
        }
        if (*self->at == '\\' && self->at[1])
            self->at++;
        *self->out++ = *self->at++;
    }
    *self->out++ = '\0';
    return true;
}

char **split_command(const char *command, size_t *ret_count)
{
    size_t len = strlen(command);
    cleanup(mem_freep) char *text = mem_alloc(len + 2);
    cleanup(mem_freep) char **words = mem_alloc_array(len / 2 + 2, sizeof(*words));
    struct splitter self = {.at = command, .out = text};

    *ret_count = 0;
    for (;;) {
        self.at += strspn(self.at, " \t");
        if (!*self.at)
            break;
        words[*ret_count] = self.out;
        if (!copy_word(&self))
            return NULL;
        (*ret_count)++;
    }
    if (*ret_count == 0)
        return NULL;
    text = NULL; /* words[0] */
    return take(words);
}
