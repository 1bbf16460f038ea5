#include "common/aws/arn/arn.h"

bool arn_split(struct str text, struct arn *ret)
{
    struct str parts[ARN_PARTS] = {STR_NONE};
    unsigned count = 0;

    while (count < ARN_PARTS - 1 && text.ptr)
        parts[count++] = str_split(&text, ':');
    if (text.ptr)
        parts[count++] = text;
    *ret = (struct arn){parts[1], parts[2], parts[3], parts[4], parts[5], count};
    return count == ARN_PARTS && str_eq_text(parts[0], "arn");
}

struct str arn_resource_name(const struct arn *arn, struct str kind)
{
    if (!str_starts_with(arn->resource, kind))
        return STR_NONE;
    return str_from(arn->resource.ptr + kind.len, arn->resource.len - kind.len);
}
