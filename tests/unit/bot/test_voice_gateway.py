"""What the voice websocket makes of good and bad messages; only the socket and the connection are stand-ins."""

import asyncio
import json
import warnings
from collections import deque
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # nextcord imports audioop
    from bot.voice.gateway import Closed, VoiceGateway


class Socket:
    """What the server sends, and what it is sent."""

    def __init__(self, *messages: Any) -> None:
        self.close_code: int | None = 1006
        self.sent: list[Any] = []
        self._messages = deque(messages)

    async def receive(self) -> aiohttp.WSMessage:
        if not self._messages:
            return aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None)
        content = self._messages.popleft()
        if isinstance(content, bytes):
            return aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, content, None)
        text = content if isinstance(content, str) else json.dumps(content)
        return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None)

    async def send_str(self, text: str) -> None:
        self.sent.append(json.loads(text))


def gateway_hearing(*messages: Any) -> tuple[VoiceGateway, list[tuple[Any, ...]]]:
    told: list[tuple[Any, ...]] = []

    def note(name: str) -> Any:
        return lambda *details: told.append((name, *details))

    group = SimpleNamespace(add_recognised_user=note("recognise"), execute_transition=note("execute"))
    connection: Any = SimpleNamespace(
        loop=asyncio.get_running_loop(),
        endpoint="localhost:1",
        group=group,
        name=note("name"),
        forget=note("forget"),
        greet=note("greet"),
    )
    socket: Any = Socket(*messages)
    return VoiceGateway(socket, connection), told


async def all_of(gateway: VoiceGateway) -> int:
    """The close code at the end."""
    while True:
        try:
            await gateway.poll_event()
        except Closed as closed:
            return closed.code


async def test_everyone_who_is_named_is_known() -> None:
    gateway, told = gateway_hearing(
        {"op": 5, "d": {"ssrc": 7, "user_id": "42", "speaking": 1}, "seq": 1},
        {"op": 12, "d": {"audio_ssrc": 8, "video_ssrc": 9, "user_id": "43"}, "seq": 2},
        {"op": 12, "d": {"audio_ssrc": 0, "video_ssrc": 0, "user_id": "44"}, "seq": 3},
        {"op": 18, "d": {"user_id": "45", "flags": 2}, "seq": 4},
        {"op": 20, "d": {"user_id": "46", "platform": 0}, "seq": 5},
        {"op": 11, "d": {"user_ids": ["47", "48"]}, "seq": 6},
        {"op": 13, "d": {"user_id": "47"}, "seq": 7},
        {"op": 22, "d": {"transition_id": 3}, "seq": 8},
    )
    assert await all_of(gateway) == 1006
    assert told == [
        ("name", 7, 42), ("name", 8, 43), ("recognise", 45), ("recognise", 46), ("recognise", 47), ("recognise", 48),
        ("greet",), ("forget", 47), ("execute", 3),
    ]  # fmt: skip
    assert gateway.seq_ack == 8


async def test_resumed_comes_without_data_and_the_sequence_number_stands_beside_it() -> None:
    gateway, _ = gateway_hearing(
        {"op": 5, "d": {"ssrc": 7, "user_id": "42", "speaking": 1, "seq": 99}, "seq": 41}, {"op": 9, "d": None}
    )
    await all_of(gateway)
    assert gateway.is_resumed
    assert gateway.seq_ack == 41


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "not json",
        "[]",
        "7",
        {},
        {"op": "5"},
        {"op": 5},
        {"op": 5, "d": None},
        {"op": 5, "d": {"ssrc": "x", "user_id": None}},
        {"op": 8, "d": {}},
        {"op": 11, "d": {"user_ids": 7}},
        {"op": 2, "d": {}},
        {"op": 4, "d": {"mode": "m", "secret_key": [999]}},
        {"op": 21, "d": []},
        {"op": 999, "d": {"anything": 1}},
        b"",
        b"\x00",
        b"\x00\x01",
        b"\x00\x01\xff",
    ],
)
async def test_a_message_that_makes_no_sense_is_skipped(nonsense: Any) -> None:
    gateway, told = gateway_hearing(nonsense, {"op": 5, "d": {"ssrc": 7, "user_id": "42"}, "seq": 1})
    await all_of(gateway)
    assert told == [("name", 7, 42)]
