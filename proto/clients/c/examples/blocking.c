/* Asks a checker and waits for the answer.
 *
 *     cc -o blocking blocking.c $(pkg-config --cflags --libs entitled)
 *     ./blocking tenant-7 seats 10 [DIRECTORY]
 *
 * DIRECTORY is where the checkers' sockets are; default: /run/entitled/public. Ends with 0 when the
 * customer may, 1 when not, 2 when there is no answer. */
#include <entitled.h>
#include <stdio.h>
#include <stdlib.h>

static int say(const struct entitled_answer *answer)
{
    if (!entitled_answer_allow(answer)) {
        printf("refused: %s\n", entitled_answer_reason_name(answer));
        return 1;
    }
    printf("allowed: %s", entitled_answer_reason_name(answer));
    if (entitled_answer_granted_kind(answer) == ENTITLED_INTEGER)
        printf(", %lld in all", (long long)entitled_answer_granted_integer(answer));
    printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    struct entitled_question question = ENTITLED_QUESTION_INIT;
    struct entitled_options *options = entitled_options_new();
    struct entitled_answer *answer = entitled_answer_new();
    struct entitled_error error;
    struct entitled *client = NULL;
    int result = 2;

    if (argc < 4 || !options || !answer) {
        fprintf(stderr, "usage: blocking HANDLE DIMENSION QUANTITY [DIRECTORY]\n");
        return 2;
    }
    if (argc > 4 && entitled_options_set_directory(options, argv[4]) != ENTITLED_OK)
        fprintf(stderr, "no directory: %s\n", argv[4]);
    question.handle = argv[1];
    question.dimension = argv[2];
    question.quantity = atof(argv[3]);
    question.timeout_ms = 10000;

    if (entitled_open(&client, options, &error) == ENTITLED_OK &&
        entitled_check(client, &question, answer, &error) == ENTITLED_OK)
        result = say(answer);
    else
        fprintf(stderr, "no answer: %s: %s\n", entitled_code_name(error.code), error.sentence);

    entitled_close(client);
    entitled_answer_free(answer);
    entitled_options_free(options);
    return result;
}
