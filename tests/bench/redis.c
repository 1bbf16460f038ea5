/* bench_redis: Redis asked over its unix socket with as little between as there can be: RESP
 * written and read by hand, one thread, epoll.
 *
 *   fill   --customers N              one answer as a value under each customer's question
 *   get    --customers N              GET, answers decoded and compared
 *   mget   --customers N --many M     MGET of M keys, likewise
 *   rows   --customers N              the store's rows of N customers, as they lie before
 *   write  --customers N --kind update|insert --from K --count C
 *                                     the store's rows, all or none for each request
 *
 * and for all --socket PATH --connections C --pipeline P --seconds S: each connection sends P
 * requests, takes P replies, and so on. Prints one line of JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "tests/bench/answer.h"
#include "tests/bench/batch.h"
#include "tests/bench/data.h"
#include "tests/support/random.h"

enum { READ_BYTES = 256 * 1024, EVENTS_MAX = 64, PATIENCE_MS = 20000, KEYS_MAX = 1000 };

struct redis;

/* Appends the next request of the connection; false: there is none. */
typedef bool next_fn(struct redis *redis, size_t slot, struct buf *out);
/* Looks at a reply, whole in bytes; false: it is wrong. */
typedef bool judge_fn(struct redis *redis, size_t slot, struct str bytes);

struct connection {
    int fd;
    struct buf out, in;
    size_t read_at; /* of `in` */
    size_t first_slot, waiting, answered;
};

struct redis {
    uint64_t customers;
    size_t connection_count, pipeline, keys;
    struct connection *connections;
    int epoll;
    next_fn *next;
    judge_fn *judge;
    uint64_t *asked; /* customers by slot */
    struct random random;
    uint64_t begin_ns, end_ns; /* replies between count */
    uint64_t replies, wrong;
    struct batch batch;
    uint64_t cursor; /* of fill and write: what is sent next */
    int64_t now_s;
};

/* RESP (Redis serialization protocol specification), as far as the commands here need it. */

static void put_head(struct buf *out, char type, size_t count)
{
    buf_printf(out, "%c%zu\r\n", type, count);
}

static void put_bulk(struct buf *out, struct str bytes)
{
    put_head(out, '$', bytes.len);
    buf_append_str(out, bytes);
    buf_append(out, "\r\n", 2);
}

/* The number behind the type at *at, and *at behind its line; false: the line is not whole. */
static bool take_line(struct str bytes, size_t *at, int64_t *ret_number)
{
    int64_t number = 0;
    bool negative = false;
    size_t i = *at + 1;

    for (; i < bytes.len && bytes.ptr[i] != '\r'; i++) {
        if (bytes.ptr[i] == '-')
            negative = true;
        else
            number = number * 10 + (bytes.ptr[i] - '0');
    }
    if (i + 1 >= bytes.len)
        return false;
    *at = i + 2;
    *ret_number = negative ? -number : number;
    return true;
}

/* A bulk string at *at; *at behind it. False: it is not whole. */
static bool take_bulk(struct str bytes, size_t *at, struct str *ret)
{
    int64_t len;
    size_t next = *at;

    if (next >= bytes.len || !take_line(bytes, &next, &len))
        return false;
    if (len < 0 || bytes.ptr[*at] != '$')
        tool_die("a key that must be there is not: %.*s", (int)(next - *at), bytes.ptr + *at);
    if (next + (size_t)len + 2 > bytes.len)
        return false;
    *ret = str_from(bytes.ptr + next, (size_t)len);
    *at = next + (size_t)len + 2;
    return true;
}

/* How long the reply at the begin of bytes is; 0: it is not whole yet. */
static size_t reply_length(struct str bytes)
{
    size_t at = 0;
    int64_t number;
    struct str item;

    if (bytes.len == 0)
        return 0;
    if (bytes.ptr[0] == '$')
        return take_bulk(bytes, &at, &item) ? at : 0;
    if (bytes.ptr[0] == '-')
        tool_die("Redis refused: %.*s", (int)bytes.len, bytes.ptr);
    if (!take_line(bytes, &at, &number))
        return 0;
    for (int64_t i = 0; bytes.ptr[0] == '*' && i < number; i++) {
        size_t length = reply_length(str_from(bytes.ptr + at, bytes.len - at));
        if (length == 0)
            return 0;
        at += length;
    }
    return at;
}

/* What is asked and how it is judged. */

enum { KEY_LEN = DATA_TENANT_LEN + sizeof(DATA_DIMENSION) };

static void put_key(struct buf *out, uint64_t customer)
{
    char key[KEY_LEN + 1];

    data_tenant(customer, key);
    key[DATA_TENANT_LEN] = '/';
    memcpy(key + DATA_TENANT_LEN + 1, DATA_DIMENSION, sizeof(DATA_DIMENSION));
    put_bulk(out, str_from(key, KEY_LEN));
}

static bool next_get(struct redis *redis, size_t slot, struct buf *out)
{
    if (redis->keys > 1) {
        put_head(out, '*', redis->keys + 1);
        buf_append_text(out, "$4\r\nMGET\r\n");
    } else {
        buf_append_text(out, "*2\r\n$3\r\nGET\r\n");
    }
    for (size_t i = 0; i < redis->keys; i++) {
        uint64_t customer = random_next(&redis->random) % redis->customers;
        redis->asked[slot * redis->keys + i] = customer;
        put_key(out, customer);
    }
    return tool_now_ns() < redis->end_ns;
}

static bool judge_get(struct redis *redis, size_t slot, struct str bytes)
{
    size_t at = 0;
    int64_t count = 1;

    if (bytes.ptr[0] == '*' && (!take_line(bytes, &at, &count) || count != (int64_t)redis->keys))
        return false;
    for (size_t i = 0; i < redis->keys; i++) {
        struct str value;
        struct answer_read answer;
        if (!take_bulk(bytes, &at, &value))
            return false;
        const unsigned char *map = (const unsigned char *)value.ptr;
        if (!answer_read_map(&map, map + value.len, &answer) ||
            !answer_is_right(&answer, redis->asked[slot * redis->keys + i]))
            return false;
    }
    return true;
}

static bool next_fill(struct redis *redis, size_t slot, struct buf *out)
{
    struct arena arena = ARENA_INIT;
    struct buf value = BUF_INIT;
    struct answer answer;

    (void)slot;
    if (redis->cursor >= redis->customers)
        return false;
    data_answer(redis->cursor, redis->now_s, &arena, &answer);
    codec_encode(&shape_answer, &answer, &value);
    buf_append_text(out, "*3\r\n$3\r\nSET\r\n");
    put_key(out, redis->cursor++);
    put_bulk(out, buf_str(&value));
    buf_done(&value);
    arena_done(&arena);
    return true;
}

static struct str table_key(const struct write_row *row, struct buf *scratch)
{
    buf_clear(scratch);
    buf_append_char(scratch, (char)('a' + row->table));
    buf_append_str(scratch, row->key);
    return buf_str(scratch);
}

static size_t count_removes(const struct write *write)
{
    size_t count = 0;

    for (size_t i = 0; i < write->count; i++)
        count += write->rows[i].removes;
    return count;
}

static void put_rows(struct buf *out, const struct write *write, bool removes)
{
    struct buf scratch = BUF_INIT;

    for (size_t i = 0; i < write->count; i++) {
        if (write->rows[i].removes != removes)
            continue;
        put_bulk(out, table_key(&write->rows[i], &scratch));
        if (!removes)
            put_bulk(out, write->rows[i].value);
    }
    buf_done(&scratch);
}

/* A request of the store is there whole or not at all, so it is one command here, or, where a row
 * goes too, one transaction. */
static void put_write(struct buf *out, const struct write *write)
{
    size_t removes = count_removes(write);

    if (removes > 0) {
        buf_append_text(out, "*1\r\n$5\r\nMULTI\r\n");
        put_head(out, '*', 1 + removes);
        buf_append_text(out, "$3\r\nDEL\r\n");
        put_rows(out, write, true);
    }
    put_head(out, '*', 1 + 2 * (write->count - removes));
    buf_append_text(out, "$4\r\nMSET\r\n");
    put_rows(out, write, false);
    if (removes > 0)
        buf_append_text(out, "*1\r\n$4\r\nEXEC\r\n");
}

static bool next_write(struct redis *redis, size_t slot, struct buf *out)
{
    (void)slot;
    if (redis->cursor >= redis->batch.count)
        return false;
    put_write(out, &redis->batch.writes[redis->cursor++]);
    return true;
}

static bool next_row(struct redis *redis, size_t slot, struct buf *out)
{
    struct arena arena = ARENA_INIT;
    struct write write;

    (void)slot;
    if (redis->cursor >= redis->customers)
        return false;
    write_of_load(redis->cursor++, redis->now_s, &arena, &write);
    put_write(out, &write);
    arena_done(&arena);
    return true;
}

static bool judge_write(struct redis *redis, size_t slot, struct str bytes)
{
    (void)redis;
    (void)slot;
    return str_eq(bytes, STR("+OK\r\n")) || str_eq(bytes, STR("+QUEUED\r\n")) ||
           str_eq(bytes, STR("*2\r\n:1\r\n+OK\r\n"));
}

/* The connections. */

static void open_connection(struct redis *redis, size_t number, const char *path)
{
    struct connection *connection = &redis->connections[number];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    *connection = (struct connection){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                                      .first_slot = number * redis->pipeline};
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        tool_die("cannot connect to '%s': %s", path, strerror(errno));
    if (epoll_ctl(redis->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        tool_die("cannot watch a connection: %s", strerror(errno));
}

static void close_connection(struct connection *connection)
{
    close(connection->fd);
    buf_done(&connection->out);
    buf_done(&connection->in);
}

static void send_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t len = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (len <= 0)
            tool_die("cannot send: %s", strerror(errno));
        bytes = str_from(bytes.ptr + len, bytes.len - (size_t)len);
    }
}

static size_t count_commands(const struct redis *redis, size_t requests)
{
    enum { TRANSACTION_COMMANDS = 4 };
    bool transactions = redis->batch.count > 0 && count_removes(&redis->batch.writes[0]) > 0;

    return transactions ? TRANSACTION_COMMANDS * requests : requests;
}

/* Sends the next P requests. Replies are waited for by command. */
static void send_requests(struct redis *redis, struct connection *connection)
{
    size_t requests = 0;

    buf_clear(&connection->out);
    while (requests < redis->pipeline &&
           redis->next(redis, connection->first_slot + requests, &connection->out))
        requests++;
    if (requests < redis->pipeline && redis->next == next_get)
        return; /* the time is up */
    connection->waiting = count_commands(redis, requests);
    connection->answered = 0;
    send_all(connection->fd, buf_str(&connection->out));
}

static void read_some(struct connection *connection)
{
    buf_reserve(&connection->in, READ_BYTES);
    ssize_t len = recv(connection->fd, connection->in.data + connection->in.len, READ_BYTES, 0);
    if (len <= 0)
        tool_die("Redis hung up: %s", strerror(errno));
    connection->in.len += (size_t)len;
}

static void take_replies(struct redis *redis, struct connection *connection, uint64_t now_ns)
{
    struct str bytes = buf_str(&connection->in);
    size_t length;

    while ((length = reply_length(
                str_from(bytes.ptr + connection->read_at, bytes.len - connection->read_at))) > 0) {
        if (!redis->judge(redis, connection->first_slot + connection->answered,
                          str_from(bytes.ptr + connection->read_at, length)))
            redis->wrong++;
        if (now_ns >= redis->begin_ns && now_ns < redis->end_ns)
            redis->replies++;
        connection->read_at += length;
        connection->answered++;
    }
    if (connection->read_at == bytes.len) {
        connection->read_at = 0;
        buf_clear(&connection->in);
    }
}

/* Until every connection has nothing more to ask and all its answers. */
static void run(struct redis *redis)
{
    size_t open = 0;

    for (size_t i = 0; i < redis->connection_count; i++) {
        send_requests(redis, &redis->connections[i]);
        open += redis->connections[i].waiting > 0;
    }
    while (open > 0) {
        struct epoll_event ready[EVENTS_MAX];
        int count = epoll_wait(redis->epoll, ready, EVENTS_MAX, PATIENCE_MS);
        uint64_t now_ns = tool_now_ns();
        if (count <= 0)
            tool_die("no answer within %d s", PATIENCE_MS / 1000);
        for (int i = 0; i < count; i++) {
            struct connection *connection = ready[i].data.ptr;
            read_some(connection);
            take_replies(redis, connection, now_ns);
            if (connection->answered < connection->waiting)
                continue;
            connection->waiting = 0;
            send_requests(redis, connection);
            open -= connection->waiting == 0;
        }
    }
}

struct verb {
    const char *name;
    next_fn *next;
    judge_fn *judge;
};

static const struct verb verbs[] = {
    {"fill", next_fill, judge_write},   {"get", next_get, judge_get},
    {"mget", next_get, judge_get},      {"rows", next_row, judge_write},
    {"write", next_write, judge_write},
};

static void choose(struct redis *redis, const char *name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            redis->next = verbs[i].next;
            redis->judge = verbs[i].judge;
            return;
        }
    }
    tool_die("bench_redis fill|get|mget|rows|write, not '%s'", name);
}

static void print(const struct redis *redis, uint64_t began_ns)
{
    bool timed = redis->next == next_get;
    double seconds =
        (double)(timed ? redis->end_ns - redis->begin_ns : tool_now_ns() - began_ns) / 1e9;
    double done = timed ? (double)redis->replies : (double)redis->cursor;

    printf("{\"rate\": %.1f, \"keys_per_s\": %.1f, \"wrong\": %" PRIu64
           ", \"answers\": %.0f, \"seconds\": %.3f}\n",
           done / seconds, done / seconds * (double)redis->keys, redis->wrong, done, seconds);
}

int main(int argc, char **argv)
{
    const struct options options = {argc, argv};
    const char *name = argc > 1 ? argv[1] : "";
    struct redis redis = {
        .customers = (uint64_t)option_int(&options, "--customers", NULL),
        .connection_count = (size_t)option_int(&options, "--connections", "1"),
        .pipeline = (size_t)option_int(&options, "--pipeline", "1"),
        .keys = (size_t)option_int(&options, "--many", "1"),
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .random = {1},
        .now_s = clock_wall_s(),
    };

    choose(&redis, name);
    if (redis.keys > KEYS_MAX)
        tool_die("at most %d keys", KEYS_MAX);
    if (redis.next == next_write)
        batch_make(&redis.batch, &options);
    redis.asked =
        mem_alloc_array(redis.connection_count * redis.pipeline * redis.keys, sizeof(*redis.asked));
    redis.connections = mem_alloc_array(redis.connection_count, sizeof(*redis.connections));
    for (size_t i = 0; i < redis.connection_count; i++)
        open_connection(&redis, i, option_text(&options, "--socket", NULL));
    uint64_t began_ns = tool_now_ns();
    redis.begin_ns = began_ns + (uint64_t)(option_number(&options, "--warm-up", "0.2") * 1e9);
    redis.end_ns = redis.begin_ns + (uint64_t)(option_number(&options, "--seconds", "1") * 1e9);
    run(&redis);
    print(&redis, began_ns);
    for (size_t i = 0; i < redis.connection_count; i++)
        close_connection(&redis.connections[i]);
    close(redis.epoll);
    mem_free(redis.connections);
    mem_free(redis.asked);
    batch_done(&redis.batch);
    return redis.wrong > 0;
}
