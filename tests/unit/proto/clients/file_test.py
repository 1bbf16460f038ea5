"""The file mode of a client: the conformance suite, and what it says of a file that is wrong."""
import json
import os
import subprocess

import pytest

from tests.support.conformance import Ask, cases, check, world

PROGRAM = os.environ["TEST_ASK"]
CASES = cases()


def written(tmp_path, fixture):
    path = tmp_path / "fixture.json"
    path.write_text(fixture if isinstance(fixture, str) else json.dumps(fixture))
    return path


@pytest.mark.parametrize("arguments", [[], ["--async"]], ids=["blocking", "asynchronous"])
@pytest.mark.parametrize("name", CASES)
def test_conformance(tmp_path, name, arguments):
    path = written(tmp_path, world(CASES[name]))
    with Ask(PROGRAM, "file", "--file", path, *arguments) as ask:
        check(CASES[name], ask)


def test_conformance_of_many_at_once(tmp_path):
    for case in CASES.values():
        alike = [question for question in case["questions"]
                 if not {"product", "license"} & set(question["ask"])]
        with Ask(PROGRAM, "file", "--file", written(tmp_path, world(case))) as ask:
            answers = iter(ask({"many": [question["ask"] for question in alike]})["answers"])
            check({"questions": alike}, lambda _: next(answers))


def test_a_child_process_answers_too(tmp_path):
    path = written(tmp_path, world(CASES["quantities"]))
    with Ask(PROGRAM, "file", "--file", path) as ask:
        question = {"handle": "acme", "dimension": "seats", "quantity": 10}
        before = ask(question)
        path.unlink()
        assert ask({"fork": question}) == before == ask(question)


def test_what_a_test_does_not_care_about_may_be_left_out(tmp_path):
    path = written(tmp_path, """{"subscriptions": [
        {"id": "s", "tenant": "acme\\u00fc\\ud83d\\ude00",
         "entitlements": [{"dimension": "seats", "value": 2e1, "expires_at": "2999-12-31T00:00:00Z"}]}]}""")
    with Ask(PROGRAM, "file", "--file", path) as ask:
        answer = ask({"handle": "acmeü\U0001f600", "dimension": "seats", "quantity": 20})["answer"]
        assert (answer["allow"], answer["granted"], answer["expires_at"]) == (True, 20.0, 32503593600)


def refusal_of(tmp_path, fixture):
    done = subprocess.run([PROGRAM, "file", "--file", written(tmp_path, fixture)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.startswith("ask: bad_file: "), done.stderr
    return done.stderr


@pytest.mark.parametrize("fixture, complaint", [
    ('{"subscriptions": [{"tenant": "t"}]}', "'id'"),
    ('{"subscriptions": [{"id": "s"}, {"id": "s"}]}', "two subscriptions have the id 's'"),
    ('{"subscriptions": [{"id": 7}]}', "'id' must be a text"),
    ('{"subscriptions": [\n{"id": "s", "tenat": "t"}]}', "'tenat' is nothing that subscription has"),
    ('{"now": "yesterday"}', "not a time"),
    ('{"now": 1e999}', "not a number"),
])
def test_a_wrong_file_is_refused_with_a_sentence(tmp_path, fixture, complaint):
    assert complaint in refusal_of(tmp_path, fixture)


# What libentitled's own reader of JSON says, and what Python's does.
@pytest.mark.parametrize("fixture, complaint, python_complaint", [
    ("", "line 1: an object is missing", "line 1: Expecting value"),
    ("{", "a key is missing", "Expecting property name"),
    ("{}}", "line 1: something stands behind the end", "line 1: Extra data"),
    ('{"subscriptons": []}', "'subscriptons' is nothing that a fixture has",
     "'subscriptons' is nothing that fixture has"),
    ('{"subscriptions": [\n{"id": "s", "tenat": "t"}]}', "line 2: 'tenat'",
     "subscriptions[0]: 'tenat'"),
    ('{"subscriptions": {"id": 7}}', "an array is missing", "'subscriptions' must be an array"),
    ('{"subscriptions": [{"id": "s"}', "',' or ']' is missing", "line 1: Expecting ',' delimiter"),
    ('{"now": tomorrow}', "a value is missing", "line 1: Expecting value"),
    ('{"overrides": [{"handle": "a\\ud800", "action": "allow"}]}', "half of a \\u pair",
     "overrides[0]: 'handle' is not UTF-8 text"),
    ('{"overrides": [{"handle": "a\\x", "action": "allow"}]}', "no such escape", "Invalid \\escape"),
    ('{"overrides": [{"handle": "a", "action": "allow"}]', "',' or '}' is missing",
     "Expecting ',' delimiter"),
    ('{"overrides": [{"handle": "a\n", "action": "allow"}]}', "a text does not end",
     "Invalid control character"),
    ('{"overrides": [{"handle": "a', "a text does not end", "Unterminated string"),
    ('{"overrides": [{"handle": "a\\u12', "four digits", "Invalid \\uXXXX escape"),
])
def test_what_cannot_be_parsed_is_refused_with_its_place(tmp_path, fixture, complaint,
                                                        python_complaint):
    complaint = python_complaint if PROGRAM.endswith(".py") else complaint
    assert complaint in refusal_of(tmp_path, fixture)


def test_a_file_that_is_not_there_is_named(tmp_path):
    done = subprocess.run([PROGRAM, "file", "--file", tmp_path / "none"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 2 and "none': No such file" in done.stderr


@pytest.mark.parametrize("question, complaint", [
    ({"handle": "h"}, "needs handle and dimension"),
    ({"handle": "h" * 1201, "dimension": "d"}, "'handle' is longer than 1200 bytes"),
    ({"handle": "h", "dimension": "d", "max_age_ms": -1}, "must not be negative"),
    ({"handle": "h", "dimension": "d", "trace": "t" * 65}, "'trace' is longer than 64 bytes"),
])
def test_a_wrong_question_is_refused_with_a_sentence(tmp_path, question, complaint):
    with Ask(PROGRAM, "file", "--file", written(tmp_path, "{}")) as ask:
        got = ask(question)
        assert got["error"] == "bad_request" and complaint in got["message"], got
        assert not got["retryable"]
