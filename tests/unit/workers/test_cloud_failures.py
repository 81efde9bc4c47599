"""What providers' refusals mean, in all the shapes in which they come, and that they tell no secret."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from tests.fakes.recorded_exchanges import KEY, NOW
from workers.cloud.failures import CREDIT_REST_SECONDS, OVERLOADED_REST_SECONDS, RequestRefused, refusal
from workers.errors import EngineBusy, EngineError, EngineMisconfigured, EngineTimeout, EngineUnavailable, ModelRetired


def told(status: int, body: object = "", *hidden: str, **headers: str) -> EngineError:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return refusal("river", status, named, raw, now=NOW, hidden=hidden)


def error(message: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": message, **fields}}


def wait_of(failure: EngineError) -> float | None:
    assert type(failure) is EngineBusy
    return failure.retry_after_seconds


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (401, EngineMisconfigured),
        (402, EngineBusy),
        (403, EngineMisconfigured),
        (404, ModelRetired),
        (405, EngineUnavailable),
        (407, EngineMisconfigured),
        (408, EngineTimeout),
        (409, EngineUnavailable),
        (410, ModelRetired),
        (413, RequestRefused),
        (418, EngineUnavailable),
        (422, RequestRefused),
        (429, EngineBusy),
        (301, EngineMisconfigured),
        (500, EngineUnavailable),
        (502, EngineUnavailable),
        (503, EngineUnavailable),
        (504, EngineTimeout),
        (520, EngineUnavailable),
        (524, EngineTimeout),
        (529, EngineBusy),
    ],
)
@pytest.mark.parametrize(
    "body", ["", "<html>no</html>", "no", '{"error": "no"}', '{"detail": [{"msg": "no"}]}', "[", "7"]
)
def test_each_status_has_its_meaning_whatever_the_body(status: int, kind: type[EngineError], body: str) -> None:
    failure = told(status, body)
    assert type(failure) is kind
    assert str(failure).startswith(f"river: {'its' if status in (301, 402) else status}")
    assert "<" not in str(failure)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("The model `llama-3.3-70b` has been decommissioned.", code="model_decommissioned")),
        (400, error("pebble is not a valid model ID", code=400)),
        (400, error("Model Not Exist", type="invalid_request_error")),
        (400, {"object": "error", "message": "Invalid model: pebble", "type": "invalid_model", "code": "1500"}),
        (400, error("The requested model 'pebble' does not exist", code="model_not_supported")),
        (400, {"errors": [{"message": "AiError: No such model @cf/pebble", "code": 5007}]}),
        (403, error("Project does not have access to model `pebble`", code="model_not_found")),
        (404, error("No endpoints found for pebble.", code=404)),
        (404, [{"error": {"code": 404, "message": "models/pebble is not found for API version v1main"}}]),
        (404, {"error": {"message": 'model "pebble" not found, try pulling it first', "type": "api_error"}}),
        (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: pebble"}}),
        (410, {"detail": "The model 'pebble' has reached its end of life"}),
        (422, error("unknown model pebble")),
    ],
)
def test_a_model_that_is_gone_is_recognised_in_everybodys_words(status: int, body: object) -> None:
    assert type(told(status, body)) is ModelRetired


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens. Your messages resulted in 9000 tokens.",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "temperature: must be at most 1",
        "messages: roles must alternate",
    ],
)
def test_other_complaints_are_not_about_the_model(message: str) -> None:
    assert type(told(400, error(message, type="invalid_request_error"))) is RequestRefused


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "20"}, 20),
        ({"retry_after": "0"}, 0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": format_datetime(datetime.fromtimestamp(NOW + 40, UTC), usegmt=True)}, 40),
        ({"retry_after": format_datetime(datetime.fromtimestamp(NOW - 40, UTC), usegmt=True)}, 0),
        ({"retry_after": "999999999"}, 86_400),
        ({"retry_after_ms": "1500", "retry_after": "20"}, 1.5),
        ({"x_ratelimit_reset_requests": "2m59.56s"}, 179.56),
        ({"x_ratelimit_reset_requests": "12ms"}, 0.012),
        ({"x_ratelimit_reset_tokens": "6m0s"}, 360),
        ({"x_ratelimit_reset_requests_day": "33011.38"}, 33011.38),
        ({"x_ratelimit_reset": str(int(NOW) + 30)}, 30),
        ({"x_ratelimit_reset": str((int(NOW) + 30) * 1000)}, 30),
        ({"ratelimit_reset": "7"}, 7),
        ({"anthropic_ratelimit_requests_reset": "2027-01-15T08:01:00Z"}, 60),
        (
            {
                "x_ratelimit_remaining_requests": "900",
                "x_ratelimit_reset_requests": "1h30m",
                "x_ratelimit_remaining_tokens": "0",
                "x_ratelimit_reset_tokens": "7.66s",
            },
            7.66,
        ),
        (
            {
                "anthropic_ratelimit_requests_remaining": "10",
                "anthropic_ratelimit_requests_reset": "2027-01-15T08:00:01Z",
                "anthropic_ratelimit_output_tokens_remaining": "0",
                "anthropic_ratelimit_output_tokens_reset": "2027-01-15T08:00:20Z",
            },
            20,
        ),
    ],
)
def test_too_much_says_until_when_in_every_vendors_way(headers: dict[str, str], seconds: float | None) -> None:
    wait = wait_of(told(429, error("slow down"), **headers))
    assert wait == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ([{"error": {"details": [{"@type": "x/QuotaFailure"}, {"@type": "x/RetryInfo", "retryDelay": "34s"}]}}], 34),
        (error("x", metadata={"headers": {"X-RateLimit-Reset": str((int(NOW) + 12) * 1000)}}), 12),
        (error("x", details="none", metadata={"headers": 4}), None),
        ([], None),
    ],
)
def test_too_much_may_say_until_when_in_its_body(body: object, seconds: float | None) -> None:
    assert wait_of(told(429, body)) == seconds


def test_an_overloaded_provider_rests_a_little_when_it_says_nothing_else() -> None:
    assert wait_of(told(529)) == OVERLOADED_REST_SECONDS
    assert wait_of(told(503, "", retry_after="9")) == 9


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, error("Insufficient Balance")),
        (429, error("You exceeded your current quota", code="insufficient_quota")),
        (400, error("Your credit balance is too low to access the API", type="invalid_request_error")),
        (403, error("Your team has used all available credits or its credit balance is exhausted")),
    ],
)
def test_credit_that_is_used_up_is_waited_for_an_hour_at_a_time(status: int, body: object) -> None:
    assert wait_of(told(status, body)) == CREDIT_REST_SECONDS


def test_what_the_provider_says_about_it_is_told() -> None:
    assert str(told(500, error("it\n broke", code="server_error"))) == "river: 500 server_error it broke"
    assert len(str(told(500, error("x" * 5_000)))) < 250


@pytest.mark.parametrize(
    "message",
    [
        f"Incorrect API key provided: {KEY}.",
        f"Incorrect API key provided: {KEY[:20]}",
        "Incorrect API key provided: sk-can******ghij. See your keys.",
        "cannot parse 'My sister left me yesterday and'",
        "cannot   parse My sister\nleft me yesterday",
    ],
)
def test_neither_the_key_nor_what_was_said_is_told(message: str) -> None:
    hidden = (KEY, "My sister left me yesterday and I cry.", "")
    for body in (error(message), {"detail": [{"msg": message, "input": hidden[1]}]}, message):
        text = str(told(401, body, *hidden))
        assert "canary" not in text
        assert "sk-can" not in text
        assert "sister" not in text


def test_what_people_say_is_not_taken_for_what_the_provider_says() -> None:
    said = "The model was not found, and my credit is exhausted."
    body = {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": said}]}
    assert type(told(422, body, said)) is RequestRefused
    assert type(told(400, body, said)) is RequestRefused


def test_a_long_refusal_is_read_quickly() -> None:
    text = str(told(400, error("y" * 60_000), "x y " * 20_000))
    assert len(text) < 250
