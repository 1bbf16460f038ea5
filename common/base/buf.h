/* A byte buffer that grows. Always terminated behind its length, so data may be read as text. */
#ifndef COMMON_BASE_BUF_H
#define COMMON_BASE_BUF_H

#include "common/base/str.h"

struct buf {
    char *data;
    size_t len;
    size_t capacity;
};

#define BUF_INIT ((struct buf){0})

void buf_done(struct buf *buf);  /* frees; the buffer is empty and usable again; takes NULL */
void buf_clear(struct buf *buf); /* keeps the memory */
void buf_reserve(struct buf *buf, size_t more);
/* For writing bytes in place: where they go, with room for `most`, and how many they were. */
static inline unsigned char *buf_room(struct buf *buf, size_t most)
{
    if (buf->capacity - buf->len <= most)
        buf_reserve(buf, most);
    return (unsigned char *)buf->data + buf->len;
}

static inline void buf_grew(struct buf *buf, size_t len)
{
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_append(struct buf *buf, const void *data, size_t len);
void buf_append_str(struct buf *buf, struct str s);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct str buf_str(const struct buf *buf); /* a view, valid until the buffer changes */
char *buf_take(struct buf *buf);           /* terminated text; caller frees; buffer is empty */

#endif
