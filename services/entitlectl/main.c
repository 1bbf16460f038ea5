/* entitlectl: the operator's and support's tool. Its verbs are rows of verbs/verbs.def; it has no
 * state, and no rights but those of the sockets that it may use and (doctor) of the credentials
 * that it finds. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "services/entitlectl/verbs/verbs.h"

/* In JSON a failure is a document too; a daemon's failure has its code of docs/errors.md. If the
 * verb has written a document before it failed, there is no second. */
static void print_error(struct ctl *ctl)
{
    fprintf(stderr, "entitlectl: %s\n", ctl->error.text);
    if (!ctl->json || ctl->out.len > 0)
        return;
    struct json *root = json_new_object();
    struct json *error = json_new_object();
    json_set_str(error, "code",
                 ctl->code == ERROR_NONE ? STR("local") : str_of(rpc_errors[ctl->code].code));
    json_set_str(error, "message", str_of(ctl->error.text));
    json_set(root, "error", error);
    ctl_print_json(ctl, root);
}

static int run_verb(struct ctl *ctl)
{
    int code = ctl_option_span(ctl, "timeout", 0, &ctl->timeout_ms);

    ctl->policy = settings_policy(ctl->settings);
    ctl->now_s = clock_wall_s();
    if (code == EXIT_DONE)
        code = ctl->arguments.verb->run(ctl);
    if (*ctl->error.text)
        print_error(ctl);
    return code;
}

static int run(struct ctl *ctl)
{
    const char *path = arguments_option(&ctl->arguments, "config");
    struct config *config = NULL;

    if (config_load(&config, &settings_schema, path ? path : config_default_path(), &ctl->error) <
        0) {
        print_error(ctl);
        return EXIT_FAILED;
    }
    ctl->config = config;
    ctl->settings = config_values(config);
    int code = run_verb(ctl);
    rpc_session_close(ctl->store);
    rpc_session_close(ctl->checker);
    config_free(config);
    return code;
}

/* Also behind a mistake in the rest of the line. */
static bool asks_for_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

static int run_arguments(struct ctl *ctl, int argc, char **argv)
{
    int wrong = arguments_parse(&ctl->arguments, global_options, verbs, argc, argv, &ctl->error);

    ctl->json = wrong < 0 ? asks_for_json(argc, argv) : arguments_flag(&ctl->arguments, "json");
    if (wrong < 0) {
        print_error(ctl);
        return EXIT_FAILED;
    }
    if (arguments_flag(&ctl->arguments, "help")) {
        arguments_help(&ctl->arguments, global_options, verbs, &ctl->out);
        return EXIT_DONE;
    }
    if (arguments_flag(&ctl->arguments, "version")) {
        buf_append_text(&ctl->out, "entitlectl " ENTITLED_VERSION "\n");
        return EXIT_DONE;
    }
    return run(ctl);
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.code = ERROR_NONE};
    int code = run_arguments(&ctl, argc, argv);

    if (ctl.out.len > 0)
        fwrite(ctl.out.data, 1, ctl.out.len, stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "entitlectl: the output could not be written\n");
        code = EXIT_FAILED;
    }
    buf_done(&ctl.out);
    arena_done(&ctl.arena);
    return code;
}
