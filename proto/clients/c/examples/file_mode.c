/* The test of an application: no daemon, no clock, the answers come from a file.
 *
 *     cc -o file_mode file_mode.c $(pkg-config --cflags --libs entitled)
 *     ./file_mode fixture.json
 *
 * An application takes the mode from its settings; nothing else of it differs between test and
 * production. */
#include <entitled.h>
#include <stdio.h>

/* The application: how many seats a tenant may add. */
static int may_invite(struct entitled *client, const char *tenant, double seats)
{
    struct entitled_question question = ENTITLED_QUESTION_INIT;
    struct entitled_answer *answer = entitled_answer_new();

    if (!answer)
        return -1;
    question.handle = tenant;
    question.dimension = "seats";
    question.quantity = seats;
    int may = -1;
    if (entitled_check(client, &question, answer, NULL) == ENTITLED_OK)
        may = entitled_answer_allow(answer);
    entitled_answer_free(answer);
    return may;
}

static int failures;

static void expect(const char *what, int got, int wanted)
{
    if (got != wanted)
        failures++;
    printf("%s %s\n", got == wanted ? "ok  " : "FAIL", what);
}

int main(int argc, char **argv)
{
    struct entitled_options *options = entitled_options_new();
    struct entitled_error error;
    struct entitled *client;

    if (argc != 2 || !options)
        return 2;
    entitled_options_set_mode(options, ENTITLED_FILE);
    entitled_options_set_file(options, argv[1]);
    if (entitled_open(&client, options, &error) != ENTITLED_OK) {
        fprintf(stderr, "%s\n", error.sentence);
        return 2;
    }
    entitled_options_free(options);
    expect("ten seats were bought", may_invite(client, "tenant-7", 10), 1);
    expect("eleven were not", may_invite(client, "tenant-7", 11), 0);
    expect("an expired contract", may_invite(client, "tenant-8", 1), 0);
    expect("a customer we blocked", may_invite(client, "tenant-9", 1), 0);
    expect("a stranger", may_invite(client, "nobody", 1), 0);
    entitled_close(client);
    return failures > 0;
}
