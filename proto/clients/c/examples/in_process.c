/* Keeps a copy of all records in this process and answers from it in two threads.
 *
 *     cc -o in_process in_process.c $(pkg-config --cflags --libs entitled) -pthread
 *     ./in_process DIRECTORY HANDLE DIMENSION
 *
 * Ends with 0 when the customer may, 1 when not, 2 when there is no answer. */
#include <entitled.h>
#include <pthread.h>
#include <stdio.h>

enum { QUESTIONS = 100000, READY_MS = 30000, AGE_LIMIT_MS = 60000 };

struct work {
    struct entitled *client;
    const char *handle, *dimension;
    int allowed, refused, failed;
    long long oldest_ms;
};

static void *ask(void *arg)
{
    struct work *work = arg;
    struct entitled_answer *answer = entitled_answer_new(); /* one for each thread */
    struct entitled_question question = ENTITLED_QUESTION_INIT;

    question.handle = work->handle;
    question.dimension = work->dimension;
    for (int i = 0; answer && i < QUESTIONS; i++) {
        if (entitled_check(work->client, &question, answer, NULL) != ENTITLED_OK)
            work->failed++;
        else if (entitled_answer_allow(answer))
            work->allowed++;
        else
            work->refused++;
        if (entitled_answer_age_ms(answer) > work->oldest_ms)
            work->oldest_ms = entitled_answer_age_ms(answer);
    }
    entitled_answer_free(answer);
    return NULL;
}

static int run(struct entitled *client, const char *handle, const char *dimension)
{
    struct work work[2] = {{client, handle, dimension, 0, 0, 0, 0},
                           {client, handle, dimension, 0, 0, 0, 0}};
    pthread_t thread;

    if (pthread_create(&thread, NULL, ask, &work[1]) != 0)
        return 2;
    ask(&work[0]);
    pthread_join(thread, NULL);
    for (int i = 0; i < 2; i++)
        printf("allowed %d, refused %d, failed %d, at most %lld ms old\n", work[i].allowed,
               work[i].refused, work[i].failed, work[i].oldest_ms);
    if (work[0].failed + work[1].failed > 0)
        return 2;
    return work[0].refused + work[1].refused > 0;
}

int main(int argc, char **argv)
{
    struct entitled_options *options = entitled_options_new();
    struct entitled_error error = {0, ""};
    struct entitled *client = NULL;
    int result = 2;

    if (argc != 4 || !options)
        return 2;
    entitled_options_set_mode(options, ENTITLED_IN_PROCESS);
    entitled_options_set_directory(options, argv[1]);
    /* With all checkers away, answers go on for a minute; then there are none. */
    entitled_options_set_age_limit_ms(options, AGE_LIMIT_MS);

    if (entitled_open(&client, options, &error) == ENTITLED_OK &&
        entitled_wait_ready(client, READY_MS, &error) == ENTITLED_OK)
        result = run(client, argv[2], argv[3]);
    else
        fprintf(stderr, "%s: %s\n", entitled_code_name(error.code), error.sentence);
    entitled_close(client);
    entitled_options_free(options);
    return result;
}
