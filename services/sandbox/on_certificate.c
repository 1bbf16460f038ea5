#include "services/sandbox/on_certificate.h"

#include "services/sandbox/waits.h"

bool certificate_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    static const char type[] = "application/x-pem-file";
    struct str pem = buf_str(&sandbox->sns.certificate);

    if (!str_eq(http_exchange_path(exchange), buf_str(&sandbox->sns.path)))
        return false;
    struct fault fault = faults_take(&sandbox->faults, STR(FAULT_CERTIFICATE));
    bool fails = fault.kind == FAULT_THROTTLE || fault.kind == FAULT_ERROR500;
    uint64_t number = call_log_begin(&sandbox->log, STR(FAULT_CERTIFICATE), STR_NONE, NULL);
    call_log_end(&sandbox->log, number, fails ? "refused" : "ok", fails, fault_name(fault.kind));
    if (fails)
        http_exchange_reply(exchange, fault.kind == FAULT_THROTTLE ? 429 : 500, "text/plain",
                            STR(""));
    else if (fault.kind == FAULT_TRUNCATE)
        http_exchange_reply_truncated(exchange, 200, type, pem, pem.len / 2);
    else
        http_exchange_reply(exchange, 200, type, fault.kind == FAULT_EMPTY ? STR("") : pem);
    waits_check(sandbox);
    return true;
}
