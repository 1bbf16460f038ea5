/* What AWS's error codes mean: "AWS JSON 1.0/1.1 protocol, operation error serialization" for their
 * place, the SDKs' "standard" retry mode for their kind. */
#ifndef COMMON_AWS_CLIENT_ERROR_CODE_H
#define COMMON_AWS_CLIENT_ERROR_CODE_H

#include "common/base/str.h"
#include "common/json/json.h"

struct str aws_error_code(struct str errortype_header, const struct json *body);
bool aws_code_is_throttling(struct str code);
bool aws_code_is_retryable(struct str code, int http_status);
bool aws_code_is_credentials(struct str code, struct str message);

#endif
