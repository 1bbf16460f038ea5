/* Prints the sample settings file, the reference page or the manual page from
 * proto/settings/settings.def. */
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "proto/settings/settings.h"

static const char sample_head[] =
    "# /etc/entitled/entitled.conf: the settings of all of entitled's daemons, with their "
    "defaults.\n"
    "# A production file needs three of them:\n"
    "#\n"
    "#   [product main]\n"
    "#   code = the product code that AWS Marketplace shows\n"
    "#   [queue main]\n"
    "#   url = https://sqs.us-east-1.amazonaws.com/123456789012/marketplace\n"
    "#   [registrar]\n"
    "#   public_url = https://register.example.com/\n"
    "#\n"
    "# Files in conf.d/ beside this one (NAME.conf, in the order of their names) and variables "
    "like\n"
    "# ENTITLED_REGISTRAR_PORT or ENTITLED_PRODUCT_MAIN_CODE come after it; the last one counts.\n"
    "# A secret can be kept in a file of its own: NAME_file = /path. Behind a blank, ';' starts a\n"
    "# comment. `entitled-store --check-config` says what is wrong, `entitlectl settings` what "
    "counts.\n\n";

static const char reference_head[] =
    "# Settings\n\nGenerated from `proto/settings/settings.def`; `deploy/entitled.conf.sample` is "
    "the same as a file.\n\nAll daemons read one INI file, `/etc/entitled/entitled.conf` (or "
    "`--config FILE`, or the file\nthat `ENTITLED_CONFIG` names), then `conf.d/*.conf` beside it "
    "in the order of their names, then\nthe environment: `ENTITLED_<SECTION>_<NAME>`, for "
    "labelled sections\n`ENTITLED_<SECTION>_<LABEL>_<NAME>`, as in `ENTITLED_REGISTRAR_PORT` "
    "and\n`ENTITLED_PRODUCT_MAIN_CODE`. The last one counts. A label matches whatever its case; "
    "`-` in it\nis `_` in the environment, which may also bring labels that no file "
    "has.\n\nUnknown names and values that are not allowed stop the start; the error states file, "
    "line and what is\nallowed. `--check-config` says so without starting. `entitlectl settings` "
    "shows every value with\nits origin.\n\n- Durations have a unit: `500ms`, `30s`, `5m`, `6h`, "
    "`3d`. Sizes may: `512`, `64k`, `2M`, `1G`.\n- Lists are separated by blanks or commas. A "
    "deeper indented line continues a list.\n- A secret is better kept out of this file: "
    "`NAME_file` names a file that holds it, or the\n  environment does. A daemon that may not "
    "read the file goes without that secret.\n- `;` after a blank starts a comment; so does `#` "
    "or `;` at the start of a line.\n\n";

static const char man_head[] =
    ".\\\" Generated from proto/settings/settings.def.\n"
    ".Dd November 27, 2026\n"
    ".Dt ENTITLED.CONF 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm entitled.conf\n"
    ".Nd settings of entitled's daemons\n"
    ".Sh DESCRIPTION\n"
    "All daemons read one INI file,\n"
    ".Pa /etc/entitled/entitled.conf\n"
    "(or\n"
    ".Fl -config Ar FILE ,\n"
    "or the file that\n"
    ".Ev ENTITLED_CONFIG\n"
    "names), then\n"
    ".Pa conf.d/*.conf\n"
    "beside it in the order of their names, then the environment:\n"
    ".Ev ENTITLED_<SECTION>_<NAME> ,\n"
    "for labelled sections\n"
    ".Ev ENTITLED_<SECTION>_<LABEL>_<NAME> .\n"
    "The last one counts.\n"
    "Unknown names and values that are not allowed stop the start with file, line and what is\n"
    "allowed;\n"
    ".Fl -check-config\n"
    "says so without starting.\n"
    ".Pp\n"
    "Durations have a unit (500ms, 30s, 5m, 6h, 3d), sizes may (512, 64k, 2M, 1G).\n"
    "Lists are separated by blanks or commas; a deeper indented line continues a list.\n"
    "A secret may be in a file of its own: NAME_file names it.\n"
    "A semicolon after a blank starts a comment.\n"
    ".Sh SETTINGS\n";

static const char man_foot[] = ".Sh SEE ALSO\n"
                               ".Xr entitlectl 1 ,\n"
                               ".Xr entitled 7\n";

static void write_man(struct buf *out)
{
    buf_append_text(out, man_head);
    config_write_man(&settings_schema, out);
    buf_append_text(out, man_foot);
}

static bool write_page(const char *which, struct buf *out)
{
    if (strcmp(which, "sample") == 0) {
        buf_append_text(out, sample_head);
        config_write_sample(&settings_schema, out);
    } else if (strcmp(which, "reference") == 0) {
        buf_append_text(out, reference_head);
        config_write_markdown(&settings_schema, out);
    } else if (strcmp(which, "man") == 0) {
        write_man(out);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct buf out = BUF_INIT;

    if (argc != 2 || !write_page(argv[1], &out)) {
        fprintf(stderr, "usage: settings_doc sample|reference|man\n");
        return 2;
    }
    fwrite(out.data, 1, out.len, stdout);
    buf_done(&out);
    return fflush(stdout) == 0 ? 0 : 1;
}
