/* bench_echo: the cost of the transport alone. A ROUTER that answers each message of a DEALER with
 * a new one, as large as a checker's answer: it takes the msgid over and copies the rest.
 *
 *   --endpoint E
 *
 * One thread, blocking receive, one message at a time; libzmq's own allocation (zmq_msg_init_size,
 * malloc); default context with one I/O thread. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "common/base/clock.h"
#include "proto/codec/codec.h"
#include "tests/bench/data.h"
#include "tests/bench/tool.h"

enum { MSGID_AT = 3, MSGID_SIZE = 4, WIDE_MSGID = 0x40000000 };

static void make_answer(struct buf *ret)
{
    struct arena arena = ARENA_INIT;
    struct answer answer;

    data_answer(0, clock_wall_s(), &arena, &answer);
    codec_write_response(ret, WIDE_MSGID, &shape_answer, &answer);
    arena_done(&arena);
}

static void answer_one(void *router, const struct buf *bytes)
{
    zmq_msg_t identity, question, answer;

    zmq_msg_init(&identity);
    zmq_msg_init(&question);
    if (zmq_msg_recv(&identity, router, 0) < 0)
        return;
    if (zmq_msg_recv(&question, router, 0) < MSGID_AT + MSGID_SIZE ||
        zmq_msg_init_size(&answer, bytes->len) < 0)
        tool_die("not a question, or no memory");
    char *data = zmq_msg_data(&answer);
    memcpy(data, bytes->data, bytes->len);
    memcpy(data + MSGID_AT, (const char *)zmq_msg_data(&question) + MSGID_AT, MSGID_SIZE);
    zmq_msg_close(&question);
    if (zmq_msg_send(&identity, router, ZMQ_SNDMORE) < 0 || zmq_msg_send(&answer, router, 0) < 0)
        tool_die("cannot answer: %s", zmq_strerror(errno));
}

int main(int argc, char **argv)
{
    const struct options options = {argc, argv};
    struct buf answer = BUF_INIT;
    const int no_limit = 0;

    void *context = zmq_ctx_new();
    void *router = zmq_socket(context, ZMQ_ROUTER);
    make_answer(&answer);
    tool_stop_on_signals();
    zmq_setsockopt(router, ZMQ_LINGER, &no_limit, sizeof(no_limit));
    zmq_setsockopt(router, ZMQ_SNDHWM, &no_limit, sizeof(no_limit));
    zmq_setsockopt(router, ZMQ_RCVHWM, &no_limit, sizeof(no_limit));
    if (zmq_bind(router, option_text(&options, "--endpoint", NULL)) < 0)
        tool_die("cannot bind: %s", zmq_strerror(errno));
    printf("ready\n");
    fflush(stdout);
    while (!tool_is_stopped())
        answer_one(router, &answer);
    zmq_close(router);
    zmq_ctx_term(context);
    buf_done(&answer);
    return 0;
}
