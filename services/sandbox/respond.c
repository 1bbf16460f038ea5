#include "services/sandbox/respond.h"

#include <string.h>

#include "common/base/escape.h"
#include "services/sandbox/world.h"

/* The status of the errors that are not 400, and SQS's names: the JSON protocol's namespace and
 * what the query protocol called it (AWS JSON protocol, "query-compatible" services; Amazon SQS API
 * reference, common errors). */
struct error_form {
    const char *code;
    int status;
    const char *space;
    const char *query_code;
};

#define SQS_SPACE   "com.amazonaws.sqs#"
#define CORAL_SPACE "com.amazon.coral.service#"
#define OLD(name)   "AWS.SimpleQueueService." name

static const struct error_form forms[] = {
    {"InternalServiceErrorException", 500, "", NULL},
    {"InternalFailure", 500, CORAL_SPACE, "InternalFailure"},
    {"QueueDoesNotExist", 400, SQS_SPACE, OLD("NonExistentQueue")},
    {"ReceiptHandleIsInvalid", 400, SQS_SPACE, "ReceiptHandleIsInvalid"},
    {"MessageNotInflight", 400, SQS_SPACE, OLD("MessageNotInflight")},
    {"TooManyEntriesInBatchRequest", 400, SQS_SPACE, OLD("TooManyEntriesInBatchRequest")},
    {"EmptyBatchRequest", 400, SQS_SPACE, OLD("EmptyBatchRequest")},
    {"BatchEntryIdsNotDistinct", 400, SQS_SPACE, OLD("BatchEntryIdsNotDistinct")},
    {"InvalidBatchEntryId", 400, SQS_SPACE, OLD("InvalidBatchEntryId")},
    {"BatchRequestTooLong", 400, SQS_SPACE, OLD("BatchRequestTooLong")},
    {"InvalidMessageContents", 400, SQS_SPACE, "InvalidMessageContents"},
    {"InvalidAttributeName", 400, SQS_SPACE, "InvalidAttributeName"},
    {"OverLimit", 403, SQS_SPACE, "OverLimit"},
    {"RequestThrottled", 400, SQS_SPACE, "RequestThrottled"},
    {"InvalidParameterValueException", 400, CORAL_SPACE, "InvalidParameterValue"},
    {"MissingRequiredParameterException", 400, CORAL_SPACE, "MissingParameter"},
    {"SerializationException", 400, CORAL_SPACE, "MalformedInput"},
    {"UnknownOperationException", 404, CORAL_SPACE, "InvalidAction"},
    {"AccessDenied", 403, "", "AccessDenied"},
    {"AccessDeniedException", 403, CORAL_SPACE, "AccessDenied"},
    {"UnrecognizedClientException", 403, CORAL_SPACE, "InvalidClientTokenId"},
    {"InvalidSignatureException", 403, CORAL_SPACE, "SignatureDoesNotMatch"},
    {"ExpiredTokenException", 403, CORAL_SPACE, "ExpiredToken"},
    {"IncompleteSignature", 403, CORAL_SPACE, "IncompleteSignature"},
    {"MissingAuthenticationToken", 403, CORAL_SPACE, "MissingAuthenticationToken"},
    {"RequestExpired", 403, CORAL_SPACE, "RequestExpired"},
    /* STS calls a web identity's end by the name that other services have for credentials'. */
    {"ExpiredWebIdentity", 400, "", "ExpiredTokenException"},
    {NULL, 400, "", NULL},
};

static const struct error_form *form_of(const char *code)
{
    const struct error_form *form = forms;

    while (form->code && strcmp(form->code, code) != 0)
        form++;
    return form;
}

static const char *query_code(const char *code)
{
    const struct error_form *form = form_of(code);

    return form->query_code ? form->query_code : code;
}

static void append_xml_member(void *arg, struct str name, const struct json *value)
{
    struct buf *out = arg;

    buf_printf(out, "<" STR_FMT ">", STR_ARG(name));
    if (json_kind(value) == JSON_KIND_OBJECT)
        json_each(value, append_xml_member, out);
    else
        escape_markup(out, json_str(value));
    buf_printf(out, "</" STR_FMT ">", STR_ARG(name));
}

#define STS_SPACE     "https://sts.amazonaws.com/doc/2011-06-15/"
#define SQS_XML_SPACE "http://queue.amazonaws.com/doc/2012-11-05/"

static void write_xml(const struct call *call, struct response *response)
{
    const char *name = call->operation->name;

    buf_printf(&response->body, "<%sResponse xmlns=\"" STS_SPACE "\"><%sResult>", name, name);
    json_each(call->answer.body, append_xml_member, &response->body);
    buf_printf(&response->body,
               "</%sResult><ResponseMetadata><RequestId>" STR_FMT
               "</RequestId></ResponseMetadata></%sResponse>\n",
               name, STR_ARG(response->request_id), name);
}

static void write_xml_error(const struct call *call, struct response *response)
{
    buf_printf(&response->body,
               "<ErrorResponse xmlns=\"%s\"><Error><Type>%s</Type><Code>%s</Code><Message>",
               call->operation->service == SERVICE_SQS ? SQS_XML_SPACE : STS_SPACE,
               response->status < 500 ? "Sender" : "Receiver", query_code(call->answer.code));
    escape_markup(&response->body, str_of(call->answer.message));
    buf_printf(&response->body,
               "</Message></Error><RequestId>" STR_FMT "</RequestId></ErrorResponse>\n",
               STR_ARG(response->request_id));
}

static void write_json_error(struct call *call, const struct error_form *form,
                             struct response *response)
{
    const struct answer *answer = &call->answer;
    bool sqs = call->operation->service == SERVICE_SQS;
    struct json *body = json_new_object();

    json_set_str(body, "__type",
                 arena_printf(&call->arena, "%s%s", sqs ? form->space : "", answer->code));
    json_set_str(body, "message", str_of(answer->message));
    json_write(body, &response->body);
    json_free(body);
    if (sqs && call->query_mode)
        response->query_error = arena_printf(&call->arena, "%s;%s", query_code(answer->code),
                                             response->status < 500 ? "Sender" : "Receiver");
    if (!sqs)
        response->error_type = arena_printf(
            &call->arena, "%s:http://internal.amazon.com/coral/com.amazonaws.marketplace/",
            answer->code);
}

static void respond_error(struct call *call, struct response *response)
{
    const struct error_form *form = form_of(call->answer.code);
    enum service service = call->operation->service;

    response->status = form->status;
    /* The Marketplace services were seen to answer 400 where SQS and STS answer 403. */
    if (form->status == 403 && (service == SERVICE_METERING || service == SERVICE_ENTITLEMENT))
        response->status = 400;
    if (call->by_query)
        write_xml_error(call, response);
    else
        write_json_error(call, form, response);
}

void respond(struct call *call, struct response *ret)
{
    static const char *const types[SERVICE_COUNT] = {
        [SERVICE_METERING] = "application/x-amz-json-1.1",
        [SERVICE_ENTITLEMENT] = "application/x-amz-json-1.1",
        [SERVICE_SQS] = "application/x-amz-json-1.0",
        [SERVICE_STS] = "text/xml",
    };

    *ret = (struct response){
        .status = 200,
        .content_type = call->by_query ? "text/xml" : types[call->operation->service],
        .request_id = world_new_uuid(&call->arena),
    };
    if (call->answer.code)
        respond_error(call, ret);
    else if (call->operation->service == SERVICE_STS)
        write_xml(call, ret);
    else if (call->answer.body)
        json_write(call->answer.body, &ret->body);
}
