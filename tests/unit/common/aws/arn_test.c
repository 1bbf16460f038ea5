/* ARNs in their parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/aws/arn/arn.h"

static void an_arn_has_six_parts(void **state)
{
    static const struct {
        const char *text;
        bool whole;
        unsigned parts;
        const char *partition, *service, *region, *account, *resource;
    } cases[] = {
        {"arn:aws:iam::111122223333:role/path/name", true, 6, "aws", "iam", "", "111122223333",
         "role/path/name"},
        {"arn:aws-cn:sqs:cn-north-1:111122223333:queue", true, 6, "aws-cn", "sqs", "cn-north-1",
         "111122223333", "queue"},
        {"arn:aws:license-manager::294406891311:license:l-1", true, 6, "aws", "license-manager", "",
         "294406891311", "license:l-1"},
        {"arn:aws:s3:::", true, 6, "aws", "s3", "", "", ""},
        {"aws:license-manager:us-east-1:294406891311:l-1", false, 5, "license-manager", "us-east-1",
         "294406891311", "l-1", ""},
        {"urn:aws:iam::111122223333:role/name", false, 6, "aws", "iam", "", "111122223333",
         "role/name"},
        {"arn:aws:sns:*", false, 4, "aws", "sns", "*", "", ""},
        {"arn:aws:sns:", false, 4, "aws", "sns", "", "", ""},
        {"*", false, 1, "", "", "", "", ""},
        {"", false, 1, "", "", "", "", ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arn arn;
        assert_int_equal(arn_split(str_of(cases[i].text), &arn), cases[i].whole);
        assert_int_equal(arn.parts, cases[i].parts);
        assert_true(str_eq_text(arn.partition, cases[i].partition));
        assert_true(str_eq_text(arn.service, cases[i].service));
        assert_true(str_eq_text(arn.region, cases[i].region));
        assert_true(str_eq_text(arn.account, cases[i].account));
        assert_true(str_eq_text(arn.resource, cases[i].resource));
    }
}

static void a_resource_is_named_behind_its_kind(void **state)
{
    struct arn arn;
    (void)state;

    arn_split(STR("arn:aws:iam::111122223333:role/path/name"), &arn);
    assert_true(str_eq_text(arn_resource_name(&arn, STR("role/")), "path/name"));
    assert_true(str_is_empty(arn_resource_name(&arn, STR("user/"))));
    assert_false(arn_split(STR_NONE, &arn));
    assert_true(str_is_empty(arn_resource_name(&arn, STR("role/"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arn_has_six_parts),
        cmocka_unit_test(a_resource_is_named_behind_its_kind),
    };

    return cmocka_run_group_tests_name("arn", tests, NULL, NULL);
}
