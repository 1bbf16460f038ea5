/* What makes the sandbox a program: settings, files, start and stop. */
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/settings/settings.h"
#include "services/sandbox/program.h"
#include "services/sandbox/sandbox.h"
#include "services/sandbox/world_json.h"

enum { LARGEST_WORLD = 64 << 20 };

const size_t program_state_size = sizeof(struct sandbox);

static int read_world(const char *path, struct json **ret, struct error *error)
{
    struct buf text = BUF_INIT;
    int result = 0;

    if (*path)
        result = file_read_waiting(path, LARGEST_WORLD, &text, error);
    else
        buf_append_text(&text, world_default_text);
    if (result == 0)
        result = json_parse(ret, buf_str(&text), error);
    buf_done(&text);
    if (result < 0 && *path)
        error_prefix(error, "world file %s", path);
    return result;
}

/* Written under another name first: a process that waits for the file finds it whole. */
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

static int announce(const char *port_file, const struct sandbox *sandbox, struct error *error)
{
    struct str address = sandbox->world.base_url;

    log_info("listening", LOG_STR("url", address));
    address = str_from(address.ptr + strlen("http://"), address.len - strlen("http://"));
    return *port_file ? write_port_file(port_file, address, error) : 0;
}

int program_start(void *state, const struct daemon_context *context, struct error *error)
{
    const struct settings *suite = context->settings;
    const struct settings_sandbox *settings = &suite->sandbox;
    struct sandbox *sandbox = state;
    struct json *origin = NULL;

    if (read_world(settings->world, &origin, error) < 0 ||
        sandbox_init(sandbox, context->loop, origin, error) < 0 ||
        sandbox_listen(sandbox, &settings->listen, (uint16_t)settings->port, error) < 0)
        return -1;
    return announce(settings->port_file, sandbox, error);
}

void program_stop(void *state)
{
    struct sandbox *sandbox = state;

    if (sandbox->loop)
        sandbox_done(sandbox);
}
