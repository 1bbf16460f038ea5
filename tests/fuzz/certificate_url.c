/* URLs that messages and settings bring: none leads elsewhere than it seems to. */
#include "proto/settings/queue_url.h"
#include "services/poller/cert_url.h"
#include "tests/fuzz/fuzz.h"

static bool is_amazons(struct str host)
{
    return str_ends_with(host, STR(".amazonaws.com")) ||
           str_ends_with(host, STR(".amazonaws.com.cn"));
}

void fuzz_one(struct str input)
{
    enum cert_url kind = cert_url_kind(input);

    if (kind == CERT_URL_SNS) {
        struct str host = cert_url_host(input);
        FUZZ_HOLDS(str_starts_with(input, STR("https://")));
        FUZZ_HOLDS(str_starts_with(host, STR("sns.")) && is_amazons(host));
    } else if (kind == CERT_URL_LOCAL) {
        FUZZ_HOLDS(str_starts_with(input, STR("http://")));
    }
    cert_url_is_issuers(input);
    struct str region = queue_url_region(input), origin = queue_url_origin(input);
    FUZZ_HOLDS(region.len <= input.len && origin.len <= input.len);
}
