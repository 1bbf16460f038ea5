/* Asks for many customers at once in a loop of its own, with poll().
 *
 *     cc -o poll poll.c $(pkg-config --cflags --libs entitled)
 *     ./poll DIRECTORY DIMENSION HANDLE...
 *
 * Prints one line for each handle, in the order of the answers. Ends with 0 when all were answered.
 */
#include <entitled.h>
#include <poll.h>
#include <stdio.h>

struct request {
    const char *handle;
    int *left, *failed;
};

/* Called from entitled_dispatch(). */
static void on_done(void *arg, int code, const struct entitled_answer *answer,
                    const struct entitled_error *error)
{
    const struct request *request = arg;

    --*request->left;
    if (code == ENTITLED_OK) {
        printf("%s: %s, %s\n", request->handle,
               entitled_answer_allow(answer) ? "allowed" : "refused",
               entitled_answer_reason_name(answer));
        return;
    }
    ++*request->failed;
    printf("%s: no answer: %s\n", request->handle, error->sentence);
}

static int ask_all(struct entitled *client, const char *dimension, char **handles, int count,
                   struct entitled_error *error)
{
    struct entitled_question question = ENTITLED_QUESTION_INIT;
    struct request requests[100];
    int left = 0, failed = 0;
    struct pollfd ready = {-1, POLLIN, 0};

    question.dimension = dimension;
    question.timeout_ms = 10000;
    if (entitled_fd(client, &ready.fd, error) != ENTITLED_OK)
        return error->code;
    for (int i = 0; i < count && i < 100; i++) {
        requests[i] = (struct request){handles[i], &left, &failed};
        question.handle = handles[i];
        if (entitled_check_async(client, &question, on_done, &requests[i], error) != ENTITLED_OK)
            return error->code;
        left++;
    }
    /* Other descriptors of the program would be polled beside this one. */
    while (left > 0) {
        if (poll(&ready, 1, -1) > 0 && entitled_dispatch(client, error) != ENTITLED_OK)
            return error->code;
    }
    return failed == 0 ? ENTITLED_OK : ENTITLED_UNAVAILABLE;
}

int main(int argc, char **argv)
{
    struct entitled_options *options = entitled_options_new();
    struct entitled_error error = {0, ""};
    struct entitled *client = NULL;

    if (argc < 4 || !options)
        return 2;
    /* If a checker has not answered after 20 ms, another one is asked too. */
    entitled_options_set_hedge_ms(options, 20);
    int code = entitled_options_set_directory(options, argv[1]);
    if (code == ENTITLED_OK)
        code = entitled_open(&client, options, &error);
    if (code == ENTITLED_OK)
        code = ask_all(client, argv[2], argv + 3, argc - 3, &error);
    if (code != ENTITLED_OK)
        fprintf(stderr, "%s: %s\n", entitled_code_name(code), error.sentence);
    else
        printf("asked %llu, hedged %llu\n",
               (unsigned long long)entitled_count(client, ENTITLED_COUNT_ASKED),
               (unsigned long long)entitled_count(client, ENTITLED_COUNT_HEDGED));
    entitled_close(client);
    entitled_options_free(options);
    return code == ENTITLED_OK ? 0 : 2;
}
