"""Whatever a provider sends: parts and an end, or one EngineError. Never anything else."""

import json
from contextlib import suppress
from itertools import pairwise

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.recorded_exchanges import (
    Pieces,
    anthropic_spoken,
    conversation,
    delta,
    events,
    parts_of,
    row,
    spoken,
    text_in,
)
from workers.cloud.dialect import Allowance, Usage
from workers.cloud.written import Written
from workers.errors import EngineError

NAMES = st.sampled_from(
    ["choices", "delta", "message", "content", "text", "finish_reason", "stop_reason", "usage", "error", "type",
     "index", "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "refusal", "x_groq", "detail",
     "code", "status", "base_resp", "status_code", "content_block"]
)  # fmt: skip
KINDS = st.sampled_from(
    ["message_start", "content_block_delta", "message_delta", "message_stop", "message", "text_delta", "text", "error"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
CHUNKS = st.one_of(
    VALUES,
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.builds(delta, st.text(max_size=12), st.none() | st.text(max_size=5)),
    st.sampled_from(anthropic_spoken("Hi")),
    st.just("[DONE]"),
    st.text(max_size=20),
)
ROWS = {"openai": row(), "anthropic": row(dialect="anthropic")}
SOUND = {"openai": spoken("Hello", " there."), "anthropic": events(*anthropic_spoken("Hello", " there."))}
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


async def ask(dialect: str, pieces: list[bytes], kind: str = "text/event-stream", status: int = 200) -> None:
    def respond(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-type": kind}, stream=Pieces(pieces))

    with suppress(EngineError):
        for part in await parts_of(respond, ROWS[dialect]):
            assert isinstance(part, str | Usage | Allowance)
            assert part != ""


@pytest.mark.parametrize("dialect", ROWS)
@given(chunks=st.lists(CHUNKS, max_size=8))
@QUICK
async def test_any_chunks(dialect: str, chunks: list[object]) -> None:
    await ask(dialect, [events(*chunks)])


@pytest.mark.parametrize("dialect", ROWS)
@given(chunk=VALUES, status=st.sampled_from([200, 400, 404, 429, 500]))
@QUICK
async def test_any_object(dialect: str, chunk: object, status: int) -> None:
    await ask(dialect, [json.dumps(chunk).encode()], "application/json", status)


@pytest.mark.parametrize("dialect", ROWS)
@given(pieces=st.lists(st.binary(max_size=40), max_size=6))
@QUICK
async def test_any_bytes(dialect: str, pieces: list[bytes]) -> None:
    await ask(dialect, pieces)


@pytest.mark.parametrize("dialect", ROWS)
@given(data=st.data())
@QUICK
async def test_a_good_stream_with_a_few_bytes_changed_and_cut_anywhere(dialect: str, data: st.DataObject) -> None:
    body = bytearray(SOUND[dialect])
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(body)))
    cut = data.draw(st.integers(0, end))
    await ask(dialect, [bytes(body[:cut]), bytes(body[cut:end])])


@pytest.mark.parametrize("dialect", ROWS)
@given(cuts=st.lists(st.integers(0, 300), max_size=6))
@QUICK
async def test_a_good_stream_says_the_same_wherever_it_is_cut(dialect: str, cuts: list[int]) -> None:
    body = SOUND[dialect]
    places = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    pieces = [body[begin:end] for begin, end in pairwise(places)]
    respond = lambda _request: httpx.Response(200, stream=Pieces(pieces))  # noqa: E731
    assert text_in(await parts_of(respond, ROWS[dialect])) == "Hello there."


@given(texts=st.lists(st.text(alphabet=st.characters(), max_size=10), max_size=10))
@QUICK
def test_text_is_utf_8_and_without_control_characters_however_it_comes(texts: list[str]) -> None:
    written = Written(conversation(max_tokens=20))
    out = "".join([*(written.feed(text) for text in texts), written.finish()])
    out.encode()
    assert not {letter for letter in out if ord(letter) < 32} - {"\n", "\t", "\r"}
    assert written.has_words == bool(out.strip())
