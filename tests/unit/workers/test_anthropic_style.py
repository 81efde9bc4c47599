"""Anthropic's dialect: what of its events reaches people, and what goes wrong in its own words."""

import json
from typing import Any

import httpx2 as httpx
import pytest

from config.providers import ChatProvider
from tests.fakes.recorded_exchanges import (
    anthropic_spoken,
    conversation,
    events,
    parts_of,
    responding,
    row,
    text_in,
)
from workers.cloud.dialect import Allowance, Usage
from workers.engines import Conversation
from workers.errors import EngineBusy, EngineError, EngineMisconfigured, EngineUnavailable, ModelRetired


def claude(**fields: object) -> ChatProvider:
    return row(dialect="anthropic", **fields)


def stream(*chunks: dict[str, Any]) -> bytes:
    return events(*chunks, event_names=True)


def block(**inner: object) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": inner}


async def said(*chunks: dict[str, Any]) -> str:
    return text_in(await parts_of(responding(stream(*chunks)), claude()))


async def sent(talk: Conversation, given: ChatProvider | None = None) -> dict[str, Any]:
    bodies: list[dict[str, Any]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, content=stream(*anthropic_spoken("Hi.")))

    await parts_of(respond, given or claude(), talk)
    return bodies[0]


async def test_words_come_as_they_are_written_then_the_usage() -> None:
    parts = await parts_of(responding(stream(*anthropic_spoken("Hel", "lo."))), claude())
    assert parts == ["Hel", "lo.", Usage(11, 7)]


async def test_the_prompt_counts_what_was_cached_too() -> None:
    start, *rest = anthropic_spoken("Hi.")
    start["message"]["usage"] |= {"cache_read_input_tokens": 100, "cache_creation_input_tokens": 5}
    assert (await parts_of(responding(stream(start, *rest)), claude()))[-1] == Usage(116, 7)


async def test_thoughts_tools_and_what_is_yet_to_be_invented_stay_unheard() -> None:
    start, *rest = anthropic_spoken("Hello.")
    unheard: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "Hm."}},
        block(type="thinking_delta", thinking="I think."),
        block(type="signature_delta", signature="abc"),
        block(type="input_json_delta", partial_json="{}"),
        block(type="text_delta", text=5),
        {"type": "from_the_future", "text": "Boo."},
        {"type": "content_block_delta"},
    ]
    assert await said(start, *unheard, *rest) == "Hello."


async def test_a_stream_without_its_last_event_is_whole_when_it_told_why_it_ends() -> None:
    assert await said(*anthropic_spoken("Hello.")[:-1]) == "Hello."


async def test_an_answer_that_came_as_one_object_is_an_answer() -> None:
    blocks = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hello."}, {"type": "tool_use"}]
    usage = {"input_tokens": 3, "output_tokens": 2}
    body = {"type": "message", "content": blocks, "stop_reason": "end_turn", "usage": usage}
    respond = responding(json.dumps(body).encode(), content_type="application/json")
    assert await parts_of(respond, claude()) == ["Hello.", Usage(3, 2)]


@pytest.mark.parametrize(
    ("chunks", "why"),
    [
        (anthropic_spoken("Hello.")[:4], "cut"),
        (anthropic_spoken(), "without words (end_turn)"),
        (anthropic_spoken(reason="tool_use"), "without words (tool_use)"),
        (anthropic_spoken("Hello.", reason="refusal"), "refusal"),
        (anthropic_spoken("Hello.", reason="pause_turn"), "pause_turn"),
    ],
)
async def test_what_is_no_answer_is_unavailable_and_says_why(chunks: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(EngineUnavailable) as failure:
        await said(*chunks)
    assert why in str(failure.value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("overloaded_error", EngineBusy),
        ("rate_limit_error", EngineBusy),
        ("authentication_error", EngineMisconfigured),
        ("not_found_error", ModelRetired),
        ("api_error", EngineUnavailable),
    ],
)
async def test_an_error_inside_a_stream_is_what_its_status_would_have_been(name: str, kind: type[EngineError]) -> None:
    with pytest.raises(kind, match="sorry"):
        await said(*anthropic_spoken()[:2], {"type": "error", "error": {"type": name, "message": "sorry"}})


async def test_529_means_busy() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(EngineBusy) as failure:
        await parts_of(responding(json.dumps(error).encode(), 529), claude())
    assert failure.value.retry_after_seconds == 5


async def test_what_is_left_of_the_limits_comes_first() -> None:
    limits = {
        "anthropic_ratelimit_requests_remaining": "40",
        "anthropic_ratelimit_requests_limit": "50",
        "anthropic_ratelimit_requests_reset": "2027-01-15T08:00:30Z",
    }
    respond = responding(stream(*anthropic_spoken("Hi.")), **limits)
    assert (await parts_of(respond, claude()))[0] == Allowance(40, 50, 30.0)


async def test_temperatures_are_brought_to_its_scale() -> None:
    assert (await sent(conversation(temperature=1.6)))["temperature"] == 1.0


async def test_a_conversation_that_begins_with_an_answer_is_made_to_begin_with_a_user() -> None:
    talk = conversation("", "So, where were we?", "At the sea.")
    assert (await sent(talk))["messages"] == [
        {"role": "user", "content": "..."},
        {"role": "assistant", "content": "So, where were we?"},
        {"role": "user", "content": "At the sea."},
    ]


async def test_without_a_system_message_none_is_sent() -> None:
    talk = conversation()
    bare = Conversation("room", talk.messages[1:])
    assert "system" not in await sent(bare)
    assert (await sent(talk))["system"] == "You are Priya."
