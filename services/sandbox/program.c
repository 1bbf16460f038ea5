/* Command line, files and the loop of entitled-sandbox. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/sandbox/sandbox.h"
#include "services/sandbox/world_json.h"

static const char help[] =
    "usage: entitled-sandbox [--listen ADDRESS] [--port N] [--port-file FILE] [--world FILE]\n"
    "\n"
    "An AWS of one's own for development, demonstration and tests: Marketplace metering and\n"
    "entitlement, SQS, SNS and STS on one port, and a little world of products and buyers.\n"
    "\n"
    "  --listen ADDRESS   address to listen on (127.0.0.1)\n"
    "  --port N           port to listen on (0: any free one)\n"
    "  --port-file FILE   written when ready: one line, host:port\n"
    "  --world FILE       JSON to start from, as GET /_sandbox/world writes it\n"
    "  --log-level LEVEL  debug, info, warning or error (info)\n"
    "  --help, --version\n";

enum exit_code { EXIT_USAGE = 2 };

struct options {
    const char *address, *port_file, *world_file;
    uint16_t port;
    bool done; /* --help or --version */
};

static int parse_port(const char *text, uint16_t *ret_port)
{
    int64_t port;

    if (!str_to_i64(str_of(text), &port) || port < 0 || port > UINT16_MAX) {
        fprintf(stderr, "entitled-sandbox: --port takes a number from 0 to 65535\n");
        return -1;
    }
    *ret_port = (uint16_t)port;
    return 0;
}

static int use_log_level(const char *name)
{
    if (log_set_level(name) == 0)
        return 0;
    fprintf(stderr, "entitled-sandbox: --log-level takes debug, info, warning or error\n");
    return -1;
}

static int use_option(struct options *options, int letter)
{
    switch (letter) {
    case 'l':
        options->address = optarg;
        return 0;
    case 'p':
        return parse_port(optarg, &options->port);
    case 'f':
        options->port_file = optarg;
        return 0;
    case 'w':
        options->world_file = optarg;
        return 0;
    case 'g':
        return use_log_level(optarg);
    case 'h':
        options->done = true;
        return fputs(help, stdout) < 0 ? -1 : 0;
    case 'v':
        options->done = true;
        return puts("entitled-sandbox " ENTITLED_VERSION) < 0 ? -1 : 0;
    default:
        fputs("Try --help.\n", stderr);
        return -1;
    }
}

static int parse_options(struct options *options, int argc, char **argv)
{
    static const struct option table[] = {
        {"listen", required_argument, NULL, 'l'},    {"port", required_argument, NULL, 'p'},
        {"port-file", required_argument, NULL, 'f'}, {"world", required_argument, NULL, 'w'},
        {"log-level", required_argument, NULL, 'g'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},         {NULL, 0, NULL, 0},
    };
    int letter;

    while (!options->done && (letter = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (use_option(options, letter) < 0)
            return -1;
    }
    if (!options->done && optind < argc) {
        fprintf(stderr, "entitled-sandbox: unexpected argument '%s'\n", argv[optind]);
        return -1;
    }
    return 0;
}

static int read_file(const char *path, struct buf *out, struct error *error)
{
    char chunk[16384];
    size_t got;
    FILE *file = fopen(path, "re");

    if (!file)
        return error_set(error, "cannot open %s: %m", path);
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_append(out, chunk, got);
    int failed = ferror(file);
    fclose(file);
    return failed ? error_set(error, "cannot read %s: %m", path) : 0;
}

static int read_world(const char *path, struct json **ret, struct error *error)
{
    struct buf text = BUF_INIT;
    int result = 0;

    if (path)
        result = read_file(path, &text, error);
    else
        buf_append_text(&text, world_default_text);
    if (result == 0)
        result = json_parse(ret, buf_str(&text), error);
    buf_done(&text);
    if (result < 0 && path)
        error_prefix(error, "world file %s", path);
    return result;
}

/* Written under another name first: whoever waits for the file finds it whole. */
static int write_port_file(const char *path, struct str address, struct error *error)
{
    cleanup(mem_freep) char *temporary = mem_printf("%s.new", path);
    FILE *file = fopen(temporary, "we");

    if (!file)
        return error_set(error, "cannot write %s: %m", temporary);
    int failed = fprintf(file, STR_FMT "\n", STR_ARG(address)) < 0;
    failed |= fclose(file) != 0;
    if (failed || rename(temporary, path) < 0)
        return error_set(error, "cannot write %s: %m", path);
    return 0;
}

static int announce(const struct options *options, const struct sandbox *sandbox,
                    struct error *error)
{
    struct str address = sandbox->world.base_url;

    log_info("ready", LOG_STR("url", address));
    printf("entitled-sandbox listens on " STR_FMT "\n", STR_ARG(address));
    fflush(stdout);
    address = str_from(address.ptr + strlen("http://"), address.len - strlen("http://"));
    return options->port_file ? write_port_file(options->port_file, address, error) : 0;
}

static int run(const struct options *options, struct sandbox *sandbox, struct loop *loop,
               struct error *error)
{
    struct json *origin = NULL;

    if (read_world(options->world_file, &origin, error) < 0)
        return -1;
    int result = sandbox_init(sandbox, loop, origin, error);
    if (result == 0)
        result = sandbox_listen(sandbox, options->address, options->port, error);
    if (result == 0)
        result = announce(options, sandbox, error);
    if (result == 0) {
        loop_run(loop);
        log_info("stopped");
    }
    sandbox_done(sandbox);
    return result;
}

int sandbox_main(int argc, char **argv)
{
    struct options options = {.address = "127.0.0.1"};
    struct sandbox sandbox;
    struct error error = {{0}};

    log_set_daemon("entitled-sandbox");
    if (parse_options(&options, argc, argv) < 0)
        return EXIT_USAGE;
    if (options.done)
        return EXIT_SUCCESS;

    struct loop *loop = loop_new();
    loop_stop_on_signals(loop);
    int result = run(&options, &sandbox, loop, &error);
    loop_free(loop);
    if (result < 0)
        log_error("cannot start", LOG_TEXT("reason", error.text));
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
