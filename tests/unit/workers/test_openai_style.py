"""The dialect that nearly all speak: what of a stream reaches people, and what every odd stream turns into."""

import json

import httpx2 as httpx
import pytest

from tests.fakes.recorded_exchanges import (
    KEY,
    NOW,
    Pieces,
    access_to,
    conversation,
    delta,
    events,
    parts_of,
    responding,
    row,
    spoken,
    text_in,
    usage,
)
from workers.cloud.dialect import Allowance, Call, Usage
from workers.cloud.dialects import DIALECTS
from workers.cloud.exchange import LARGEST_ANSWER_BYTES
from workers.cloud.failures import RequestRefused
from workers.engines import ChatMessage, Conversation
from workers.errors import (
    BadInput,
    EngineBusy,
    EngineError,
    EngineMisconfigured,
    EngineTimeout,
    EngineUnavailable,
    ModelRetired,
)

HELLO = delta("Hello.")
STOP = delta("", "stop")


async def said(body: bytes, **headers: str) -> str:
    return text_in(await parts_of(responding(body, **headers)))


async def test_words_come_as_they_are_written_then_the_usage() -> None:
    assert await parts_of(responding(spoken("Hel", "lo", " there."))) == ["Hel", "lo", " there.", Usage(11, 7)]


@pytest.mark.parametrize(
    "body",
    [
        events(HELLO, STOP),
        events(HELLO, "[DONE]"),
        events(HELLO, STOP, " [DONE] "),
        events(HELLO, delta(None, "length"), "[DONE]"),
        events(HELLO, delta(None, "eos"), "[DONE]"),
        events(delta("Hello.", "stop")),
        events({"choices": []}, {"choices": None}, HELLO, STOP, "[DONE]"),
        events({"prompt_filter_results": [], "choices": []}, HELLO, STOP),
        events(HELLO, STOP, "[DONE]", "not json", {"error": "late"}),
        events({"type": "ping"}, HELLO, STOP),
        events(HELLO, {"choices": [{"index": 1, "delta": {"content": "Another."}}]}, STOP),
        events({"choices": [{"text": "Hello.", "index": 0}]}, STOP),
        events({"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]}),
        events(delta("", reasoning="I think."), delta("", reasoning_content="So."), HELLO, STOP),
        events(delta("<think>I think"), delta(" so.</think>\n\nHello."), STOP),
        events({"choices": [{"delta": {"content": [{"type": "thinking", "thinking": []}]}}]}, HELLO, STOP),
        events({"choices": [{"delta": {"content": [{"type": "text", "text": "Hello."}, 3, {"type": "text"}]}}]}, STOP),
        events(HELLO, delta(None, "tool_calls", tool_calls=[{"index": 0}])),
        events({"base_resp": {"status_code": 0}, **HELLO}, STOP),
        b": ping\n\n: ping\n" + events(HELLO, STOP),
        b"id: 7\n\n\n\nretry: 5\n\n" + events(HELLO, STOP),
        b"\xef\xbb\xbf" + events(HELLO, STOP),
        events(HELLO, STOP).replace(b"\n", b"\r\n"),
        events(HELLO, STOP).replace(b"\n", b"\r"),
        b"data:" + json.dumps(HELLO).encode() + b"\n\n" + events(STOP),
    ],
)
async def test_a_good_answer_is_good_however_it_is_dressed(body: bytes) -> None:
    assert await said(body) == "Hello."


@pytest.mark.parametrize("kind", ["text/event-stream; charset=utf-8", "text/plain", "application/octet-stream", ""])
async def test_a_stream_may_call_itself_what_it_likes(kind: str) -> None:
    assert await said(spoken("Hello."), content_type=kind) == "Hello."


async def test_a_stream_is_utf_8_whatever_it_says() -> None:
    assert await said(spoken("नमस्ते 🥭"), content_type="text/event-stream; charset=iso-8859-1") == "नमस्ते 🥭"


async def test_letters_that_are_cut_in_the_middle_are_put_together() -> None:
    body = spoken("नमस्ते", " 🥭.")

    def respond(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Pieces([bytes([byte]) for byte in body]))

    assert text_in(await parts_of(respond)) == "नमस्ते 🥭."


async def test_an_emoji_in_two_halves_is_put_together_and_half_a_one_left_out() -> None:
    halves = b'data: {"choices":[{"delta":{"content":"Hi \\ud83e"}}]}\n\n'
    halves += b'data: {"choices":[{"delta":{"content":"\\udd6d!"}}]}\n\n'
    halves += b'data: {"choices":[{"delta":{"content":" \\ud83e."}}]}\n\n'
    assert await said(halves + events(STOP)) == "Hi 🥭! ."


async def test_what_no_voice_and_no_screen_can_use_is_left_out() -> None:
    assert await said(spoken("He\x00l\x1blo\n", "there.")) == "Hello\nthere."


async def test_an_answer_that_came_as_one_object_is_an_answer() -> None:
    whole = {"choices": [{"message": {"content": "Hello."}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    parts = await parts_of(responding(json.dumps(whole).encode(), content_type="application/json"))
    assert parts == ["Hello.", Usage(3, 2)]


async def test_usage_may_hide_where_groq_puts_it() -> None:
    groq = {"choices": [], "x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}}
    assert (await parts_of(responding(events(HELLO, STOP, groq))))[-1] == Usage(3, 2)


@pytest.mark.parametrize("told", [{}, {"prompt_tokens": None, "completion_tokens": 2}, {"prompt_tokens": -1}, 3])
async def test_usage_that_makes_no_sense_is_not_told(told: object) -> None:
    assert await parts_of(responding(events(HELLO, STOP, {"choices": [], "usage": told}))) == ["Hello."]


async def test_what_is_left_of_the_limits_comes_first() -> None:
    limits = {
        "x_ratelimit_remaining_requests": "998",
        "x_ratelimit_limit_requests": "1000",
        "x_ratelimit_reset_requests": "2m52.8s",
    }
    assert (await parts_of(responding(spoken("Hi."), **limits)))[0] == Allowance(998, 1000, 172.8)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "cut"),
        (events(HELLO), "cut"),
        (events(HELLO) + b'data: {"choices":[{"finish', "cut"),
        (events(HELLO, "{broken"), "broken"),
        (events(HELLO, "[" * 100_000), "broken"),
        (events("5"), ""),
        (events('"words"'), ""),
        (events("null"), ""),
        (events(STOP, "[DONE]"), "without words"),
        (events(delta(" \n "), STOP, "[DONE]"), "without words"),
        (events(delta("<think>I think."), STOP, "[DONE]"), "without words"),
        (events(delta("", reasoning="I think."), delta("", "length"), "[DONE]"), "without words (length)"),
        (events(delta(None, "tool_calls", tool_calls=[{}])), "without words (tool_calls)"),
        (events(delta(None, refusal="I can't."), STOP), "without words (refused)"),
        (events(HELLO, delta("", "content_filter"), "[DONE]"), "content_filter"),
        (events(HELLO, delta("", "error")), "error"),
        (events(HELLO, delta("", "insufficient_system_resource")), "insufficient_system_resource"),
        (events({"error": {"message": "boom", "code": 500}}), "boom"),
        (events({"error": "boom"}), "boom"),
        (events({"detail": "boom"}), "boom"),
        (events({"object": "error", "message": "boom"}), "boom"),
        (events([{"error": {"message": "boom"}}]), "boom"),
        (b"event: error\n" + events({"message": "boom"}), "boom"),
        (events({"base_resp": {"status_code": 1000, "status_msg": "boom"}, "choices": None}), "boom"),
        (b"<!DOCTYPE html><html></html>", "cut"),
    ],
)
async def test_what_is_no_answer_is_unavailable_and_says_why(body: bytes, why: str) -> None:
    with pytest.raises(EngineUnavailable) as failure:
        await said(body)
    assert why in str(failure.value)
    assert str(failure.value).startswith("river: ")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "slow down", "code": "rate_limit_exceeded"}, EngineBusy),
        ({"message": "slow down", "code": 429}, EngineBusy),
        ({"message": "slow down", "code": "429"}, EngineBusy),
        ({"message": "overloaded", "type": "overloaded_error"}, EngineBusy),
        ({"message": "who?", "code": "invalid_api_key"}, EngineMisconfigured),
        ({"message": "no such thing", "code": "model_not_found"}, ModelRetired),
        ({"message": "too slow", "code": 504}, EngineTimeout),
        ({"message": "pay", "code": "insufficient_quota"}, EngineBusy),
        ({"message": "what?", "code": 400}, RequestRefused),
    ],
)
async def test_an_error_inside_a_stream_is_what_its_status_would_have_been(
    error: dict[str, object], kind: type[EngineError]
) -> None:
    with pytest.raises(kind):
        await said(events({"error": error}))


async def test_words_before_a_failure_are_heard() -> None:
    given = row()
    call = Call(access_to(given), given.model, conversation())
    async with httpx.AsyncClient(transport=httpx.MockTransport(responding(events(HELLO)))) as client:
        parts = DIALECTS["openai"](lambda: NOW).stream(client, call)
        assert await anext(parts) == "Hello."
        with pytest.raises(EngineUnavailable):
            await anext(parts)


async def test_a_web_page_is_no_answer() -> None:
    with pytest.raises(EngineUnavailable, match="web page"):
        await said(b"<html>Just a moment</html>", content_type="text/html; charset=utf-8")


@pytest.mark.parametrize("filler", [b"data: " + b"x" * 65_536, b"data: x\n" * 8_192, b": x\n" * 16_384])
async def test_an_answer_without_end_is_ended(filler: bytes) -> None:
    count = LARGEST_ANSWER_BYTES // len(filler) + 2
    with pytest.raises(EngineUnavailable, match="larger than 4 MiB"):
        await parts_of(lambda _request: httpx.Response(200, stream=Pieces([filler] * count)))


async def test_a_model_that_knows_no_limit_is_stopped() -> None:
    body = events(*(delta(f"word{index} ") for index in range(5_000)))
    assert len(text_in(await parts_of(responding(body), talk=conversation(max_tokens=10)))) == 120


async def test_a_model_that_says_the_same_for_ever_is_stopped() -> None:
    body = events(*[delta("I am so happy for you today. ")] * 5_000)
    assert len(text_in(await parts_of(responding(body)))) < 100


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), EngineUnavailable),
        (httpx.ConnectTimeout("slow"), EngineTimeout),
        (httpx.ReadTimeout("slow"), EngineTimeout),
        (httpx.PoolTimeout("full"), EngineTimeout),
        (httpx.RemoteProtocolError("odd"), EngineUnavailable),
        (httpx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'"), EngineMisconfigured),
        (httpx.DecodingError("gzip"), EngineUnavailable),
    ],
)
async def test_broken_connections_are_told_apart_and_tell_no_secret(error: Exception, kind: type[EngineError]) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(kind) as failure:
        await parts_of(refuse)
    assert KEY not in str(failure.value)
    assert type(error).__name__ in str(failure.value)
    with pytest.raises(kind):
        await parts_of(lambda _request: httpx.Response(200, stream=Pieces([events(HELLO)], error)))


async def test_a_key_that_can_not_be_one_is_not_sent() -> None:
    for key in ("sk-ключ", "sk-\n123456", "sk-\u200b1"):
        with pytest.raises(EngineMisconfigured) as failure:
            await parts_of(responding(spoken("Hi.")), key=key)
        assert "sk-" not in str(failure.value)


async def test_a_row_may_say_where_its_key_goes() -> None:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, content=spoken("Hi."))

    await parts_of(respond, row(headers={"Api-Key": "{key}", "X-Team": "friends"}))
    await parts_of(respond, row(headers={"Authorization": "Token {key}"}))
    await parts_of(respond, row(key_env=()), key=None)
    first, second, third = (request.headers for request in requests)
    assert (first["api-key"], first["x-team"], first.get("authorization")) == (KEY, "friends", None)
    assert second["authorization"] == f"Token {KEY}"
    assert "authorization" not in third


async def test_a_redirect_is_not_followed_with_a_key() -> None:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(307, headers={"location": "https://elsewhere.example/"})

    with pytest.raises(EngineMisconfigured, match="moved"):
        await parts_of(respond)
    assert len(requests) == 1


async def test_without_a_model_nothing_is_asked() -> None:
    with pytest.raises(ModelRetired):
        await parts_of(responding(spoken("Hi.")), model="")


@pytest.mark.parametrize(
    "messages",
    [(), (ChatMessage("system", "You are Priya."),), (ChatMessage("user", "Hi"), ChatMessage("assistant", "Hello."))],
)
async def test_where_nobody_asked_there_is_nothing_to_answer(messages: tuple[ChatMessage, ...]) -> None:
    with pytest.raises(BadInput):
        await parts_of(responding(spoken("Hi.")), talk=Conversation("room", messages))


async def test_a_field_that_is_refused_is_left_out_from_then_on() -> None:
    bodies: list[dict[str, object]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        bodies.append(body)
        for name in ("stream_options", "reasoning_effort"):
            if name in body:
                spelled = name.replace("g_e", "gE")
                detail = [
                    {"type": "extra_forbidden", "loc": ["body", spelled], "msg": "Extra inputs are not permitted"}
                ]
                return httpx.Response(422, json={"detail": detail})
        return httpx.Response(200, content=spoken("Hi."))

    dialect = DIALECTS["openai"](lambda: NOW)
    picky = row(body={"reasoning_effort": "low"})
    for _ in range(2):
        with pytest.raises(RequestRefused):
            await parts_of(respond, picky, dialect=dialect)
    assert text_in(await parts_of(respond, picky, dialect=dialect)) == "Hi."
    assert "stream_options" not in bodies[-1]
    assert "reasoning_effort" not in bodies[-1]
    with pytest.raises(RequestRefused):  # of another model nothing is known
        await parts_of(respond, picky, dialect=dialect, model="another")


async def test_what_an_answer_can_not_do_without_is_never_left_out() -> None:
    refusal = responding(b'{"error": {"message": "messages, model and max_tokens are wrong"}}', 400)
    dialect = DIALECTS["openai"](lambda: NOW)
    for _ in range(2):
        with pytest.raises(RequestRefused):
            await parts_of(refusal, dialect=dialect)
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, content=spoken("Hi."))

    await parts_of(respond, dialect=dialect)
    assert {"messages", "model", "max_tokens"} <= json.loads(requests[0].content).keys()


async def test_the_account_of_an_answer_without_usage_is_short() -> None:
    assert await parts_of(responding(events(HELLO, STOP, usage(3, 2)))) == ["Hello.", Usage(3, 2)]
