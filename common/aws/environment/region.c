#include "common/aws/environment/region.h"

#include <ctype.h>
#include <string.h>

#include "common/base/mem.h"

bool region_is_valid(struct str text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

    for (size_t i = 0; i < text.len; i++) {
        if (!memchr(letters, text.ptr[i], sizeof(letters) - 1))
            return false;
    }
    return text.len > 0 && text.len < 64;
}

static char *lower(struct str text)
{
    char *copy = str_dup(text);

    for (char *at = copy; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

int region_resolve(const struct configured *from, const char *setting, char **ret_region,
                   bool *ret_is_default, struct error *error)
{
    const char *region = setting && setting[0] ? setting : variable("AWS_REGION");

    if (!region)
        region = variable("AWS_DEFAULT_REGION");
    if (!region)
        region = shared_files_get(from->files, SHARED_CONFIG, from->profile, "region");
    *ret_is_default = !region;
    if (!region)
        region = "us-east-1";
    *ret_region = lower(str_trim(str_of(region)));
    return region_is_valid(str_of(*ret_region))
               ? 0
               : error_set(error, "'%s' is not an AWS region", region);
}
