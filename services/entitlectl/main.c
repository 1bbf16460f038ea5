/* entitlectl: the operator's and support's tool. What it can do is in the tables below; it has no
 * state and no rights beyond those of the sockets it may use, and (doctor) of the credentials it
 * finds. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "services/entitlectl/command/many.h"

static const struct option global_options[] = {
    {"config", "FILE",
     "the suite's settings; default: ENTITLED_CONFIG, /etc/entitled/entitled.conf"},
    {"json", NULL, "one JSON document instead of tables, of a failure too: {\"error\": ...}"},
    {"timeout", "SPAN", "how long to wait for a daemon: 500ms, 10s, 1m"},
    {"store", "ENDPOINT", "the store to ask instead of that of the settings"},
    {"checker", "ENDPOINT", "the checker to ask instead of any live one"},
    {"help", NULL, "this text, or that of the verb"},
    {"version", NULL, "the version"},
    {NULL, NULL, NULL},
};

static const struct option check_options[] = {
    {"product", "PRODUCT", "only this product, by its label in the settings or its code"},
    {"license", "LICENCE", "only this licence"},
    {"max-age", "SPAN", "ask AWS first if the data is older"},
    {NULL, NULL, NULL},
};

static const struct option list_options[] = {
    {"product", "PRODUCT", "only this product, by its label in the settings or its code"},
    {"state", "STATE", "pending, active, held, ended or payment_failed"},
    {"limit", "COUNT", "at most so many; default 1000"},
    {NULL, NULL, NULL},
};

static const struct option show_options[] = {
    {"product", "PRODUCT", "only this product, by its label in the settings or its code"},
    {"contact", NULL, "also what the buyer typed into the onboarding form"},
    {NULL, NULL, NULL},
};

static const struct option product_options[] = {
    {"product", "PRODUCT", "only this product, by its label in the settings or its code"},
    {NULL, NULL, NULL},
};

static const struct option contact_options[] = {
    {"product", "PRODUCT", "only this product, by its label in the settings or its code"},
    MANY_OPTIONS,
    {NULL, NULL, NULL},
};

static const struct option history_options[] = {
    {"limit", "COUNT", "at most so many; default 100"},
    {NULL, NULL, NULL},
};

static const struct option replay_options[] = {
    {"limit", "COUNT", "not-understood, not-ours: at most so many; default 100"},
    MANY_OPTIONS,
    {NULL, NULL, NULL},
};

static const struct option watch_options[] = {
    {"limit", "COUNT", "ends after so many; default: it goes on"},
    {NULL, NULL, NULL},
};

static const struct option signing_keys_options[] = {
    {"revoke", NULL, "renew: older keys no longer verify; open sessions end"},
    {"yes", NULL, "renew --revoke: do not ask"},
    {NULL, NULL, NULL},
};

static const struct option check_indexes_options[] = {
    {"report-only", NULL, "rebuild nothing"},
    {NULL, NULL, NULL},
};

static const struct option journal_options[] = {
    {"limit", "COUNT", "at most so many; default 100"},
    {"head", "HEAD", "verify: the log's \"the journal's head\" that the chain must hold"},
    {"override", "ID", "erase: the personal words about an override"},
    {"by", "NAME", "erase: the personal words of an author"},
    MANY_OPTIONS,
    {NULL, NULL, NULL},
};

static const struct option override_options[] = {
    {"dimension", "NAME", "set: only this dimension; default: all"},
    {"reason", "TEXT", "set: why, for the journal"},
    {"for", "SPAN", "set: how long; default: until removed"},
    {"yes", NULL, "set: also for a HANDLE without subscriptions"},
    {NULL, NULL, NULL},
};

static const struct option sweep_options[] = {
    {"last", NULL, "only show the last ones"},
    {NULL, NULL, NULL},
};

static const struct option held_options[] = {
    {"product", "PRODUCT", "only this product, by its label in the settings or its code"},
    {"reason", "TEXT", "accept, refuse: why, for the journal"},
    MANY_OPTIONS,
    {NULL, NULL, NULL},
};

static const struct option account_options[] = {
    {"reason", "TEXT", "adopt: why, for the journal"},
    {NULL, NULL, NULL},
};

static const struct option keys_options[] = {
    {"directory", "DIR", "where, instead of key_directory of the settings"},
    {NULL, NULL, NULL},
};

#define HANDLES                                                                                    \
    "HANDLE is your tenant id, a licence ARN or its l-..., an AWS account id, a customer\n"        \
    "identifier, or a subscription id."

static const struct verb verbs[] = {
    {"check", "HANDLE DIMENSION [QUANTITY]", 2, 3, "may this customer use this much of that?",
     HANDLES, check_options, verb_check},
    {"explain", "HANDLE DIMENSION [QUANTITY]", 2, 3, "the same decision as a paragraph", HANDLES,
     check_options, verb_explain},
    {"list", "", 0, 0, "subscriptions", NULL, list_options, verb_list},
    {"show", "HANDLE", 1, 1, "all about a customer's subscriptions",
     HANDLES " An agreement id will do too.", show_options, verb_show},
    {"link", "HANDLE TENANT", 2, 2, "links your tenant id to a subscription",
     "An empty TENANT ('') unlinks.", product_options, verb_link},
    {"refresh", "HANDLE", 1, 1, "asks AWS now, and shows the result", HANDLES, product_options,
     verb_refresh},
    {"override", "set|remove|list ...", 1, 3, "an answer that outranks AWS's",
     "  set HANDLE allow|deny|VALUE   answer so, whatever AWS says; a text needs --dimension\n"
     "  remove ID                     back to AWS's word\n"
     "  list                          those in force",
     override_options, verb_override},
    {"journal", "[HANDLE]|verify|erase [HANDLE]", 0, 2, "what changed, when and why",
     "Of a HANDLE also what became of the overrides for it.\n"
     "  verify           proves that nothing was altered, left out or inserted; ends with 1,\n"
     "                   and says where, if something was\n"
     "  erase [HANDLE]   erases the personal words about a customer or an override, or of an\n"
     "                   author; what happened when stays, and can still be proved\n" HANDLES,
     journal_options, verb_journal},
    {"notifications", "[HANDLE]", 0, 1, "AWS's messages, and what became of them", HANDLES,
     history_options, verb_notifications},
    {"replay", "ID|not-understood|not-ours", 1, 1, "sends kept messages to their queue again",
     "ID is that of \"notifications\". They are read, checked and applied as if they came now; "
     "one\n"
     "that was understood before is listed as a duplicate, and still marks its subscriptions "
     "due.\n"
     "  not-understood   those that were not understood, the newest --limit of them\n"
     "  not-ours         likewise those of products that the settings did not name\n"
     "SQS must let the credentials of the pollers sqs:SendMessage.",
     replay_options, verb_replay},
    {"watch", "[HANDLE]", 0, 1, "the journal, as it grows",
     "Every change from now on, a line each; with --json a document a line.\n" HANDLES,
     watch_options, verb_watch},
    {"contact", "erase HANDLE", 2, 2, "erases what a buyer typed into the onboarding form",
     "\"show --contact\" shows it. Backups hold it as long as they are kept.\n" HANDLES,
     contact_options, verb_contact},
    {"signing-keys", "[list]|renew", 0, 1,
     "the keys that sign the registration page's links and sessions",
     "  renew   a new key signs from now on; older keys still verify, eight at most",
     signing_keys_options, verb_signing_keys},
    {"backup", "DIRECTORY", 1, 1,
     "copies the store's database while it is used, and proves the copy",
     "DIRECTORY is an absolute path on the store's machine that does not exist yet, and that\n"
     "the store may make.",
     NULL, verb_backup},
    {"check-indexes", "", 0, 0, "compares the store's indexes with its records, and rebuilds them",
     "The store goes on serving. Ends with 1 if something differed.", check_indexes_options,
     verb_check_indexes},
    {"sweep", "[PRODUCT]", 0, 1,
     "compares everything that AWS lists with what the store holds, "
     "now",
     "PRODUCT is a label of the settings or a code; without one: every product. Records that "
     "differ, that are new, or\n"
     "that AWS does not list are then asked about one by one.",
     sweep_options, verb_sweep},
    {"held", "[list]|accept|refuse [HANDLE]", 0, 2,
     "ends that nothing certain explains: served until you decide",
     "  list            those that are held: since when, why, and until when they are served\n"
     "  accept HANDLE   the end is true: the subscription ends now\n"
     "  refuse HANDLE   it is not an end: still served. AWS is asked again; only an "
     "announcement, a date or\n"
     "                  hold_limit, which begins anew, ends it then\n"
     "Instead of a HANDLE, --product decides those held ends of a product that wait for a "
     "decision,\n"
     "and so does a HANDLE of several subscriptions: they are named, and you are asked.\n" HANDLES,
     held_options, verb_held},
    {"account", "[adopt ACCOUNT]", 0, 2, "the seller account, and whose credentials are in use",
     "Answers to another account are not applied, because AWS lists it no customers.\n"
     "  adopt ACCOUNT   this account publishes the products from now on",
     account_options, verb_account},
    {"stats", "", 0, 0, "figures of the store and every checker", NULL, NULL, verb_stats},
    {"doctor", "", 0, 0, "checks that everything the suite needs is there, and says what to do",
     "Run it on a host of the daemons, as their user, so that the same settings and "
     "credentials count.\n"
     "It looks at the daemons and asks AWS as each of them would; it changes nothing. Each "
     "finding is\n"
     "  ok       as it should be\n"
     "  warning  works, and may not for long or not as meant\n"
     "  unknown  could not be found out now\n"
     "  wrong    does not work\n"
     "Ends with 1 if something is wrong, else with 2 if something is unknown. It takes one "
     "GetEntitlements\n"
     "call a product, within the quota.",
     NULL, verb_doctor},
    {"settings", "[SECTION]", 0, 1, "every setting, its value and where it comes from",
     "Needs no daemon.", NULL, verb_settings},
    {"keys", "[list]|make NAME", 0, 2, "the CURVE keys that TCP endpoints need",
     "Needs no daemon.\n"
     "  make NAME   makes NAME.cert, by which others know its owner, and NAME.cert_secret, for "
     "the\n"
     "              owner alone; both belong to the owner of the directory, neither is ever "
     "overwritten\n"
     "  list        the keys that are there, and those that NAME.allowed lets in",
     keys_options, verb_keys},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};

/* In JSON a failure is a document too, of a code of docs/errors.md if a daemon's. What was done
 * before it failed is one already: there is never a second. */
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

/* Also behind what is wrong with the rest. */
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
        arguments_help(global_options, verbs, ctl->arguments.verb, &ctl->out);
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
