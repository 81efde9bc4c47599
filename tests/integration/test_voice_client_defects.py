"""What nextcord 3.2's voice client does wrong, and ours must not. Each is tried on both: nextcord is expected to fail,
so that we notice when a newer one no longer does."""

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import loguru
import pytest
import pytest_asyncio

from tests.discord.events import DaveExecuted, VoiceResumed, VoiceStateChanged
from tests.discord.people.person import Person
from tests.discord.stock import sweep
from tests.discord.voice.ops import Op
from tests.discord.voice.rtp import OPUS_PAYLOAD_TYPE
from tests.discord.voice.session import VoiceSession
from tests.discord.voice.transport import Transport
from tests.fakes.voice_packets import spoken, tone
from tests.integration.voice_seat import NextcordClient, OurClient, Seat, Stage, stage

pytestmark = [
    pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float':DeprecationWarning"),
    # Tasks of nextcord's that die of the defect which is shown here.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
BOTH = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            NextcordClient,
            marks=pytest.mark.xfail(strict=True, reason="nextcord 3.2.0", raises=(AssertionError, TimeoutError)),
        ),
        OurClient,
    ],
    ids=["nextcord", "ours"],
)
CRASHED = {-signal.SIGABRT, -signal.SIGSEGV, 128 + signal.SIGABRT, 128 + signal.SIGSEGV}
"""Return codes of a program that died of what it did to its memory."""
SOON_SECONDS = 4.0
"""Our own client needs much less; nextcord is given up after it."""


@pytest_asyncio.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with stage(monkeypatch) as set_up:
        yield set_up
    sweep()


async def seat_of(scene: Stage, kind: type[Seat]) -> tuple[Seat, VoiceSession]:
    make = partial(kind, ears=scene.ears) if kind is OurClient else kind
    seat = await scene.connect(make, seconds=SOON_SECONDS)
    return seat, await scene.discord.bot_connected_to_voice()


async def is_heard(seat: Seat, listener: Person) -> None:
    """What is sent from this seat arrives. Raises AssertionError."""
    count = len([packet for packet in listener.heard().packets if not packet.is_silence])
    seat.say(spoken(0.1))
    await listener.hears(count + 3, seconds=SOON_SECONDS)


async def crash(session: VoiceSession) -> None:
    """The server closes the socket as one that crashed does; the session can be resumed."""
    socket, session.socket = session.socket, None  # else the simulator believes that the client said goodbye
    assert socket is not None
    await socket.close(code=4015)


async def until(is_so: Any) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not is_so():  # noqa: ASYNC110 - nothing of nextcord's can be waited for
            await asyncio.sleep(0.01)


async def test_0_nextcord_joins_is_heard_and_is_sent_what_people_say(scene: Stage) -> None:
    """Else its failures below would be the simulator's."""
    asha = scene.home.add_member("Asha")
    await asha.join(scene.channel)
    seat, session = await seat_of(scene, NextcordClient)
    await is_heard(seat, asha)
    speaking = asyncio.create_task(asha.speak(tone(0.1)))
    transport = Transport(seat.mode, bytes(seat.secret_key))
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(SOON_SECONDS):
        packet = transport.open(await loop.sock_recv(seat.socket, 2_000))
    assert (packet.ssrc, packet.payload_type) == (asha.headset.ssrc, OPUS_PAYLOAD_TYPE)
    assert session.transport is not None
    assert session.transport.key == bytes(seat.secret_key)
    await speaking


@pytest.mark.parametrize(
    ("decoding", "codes"),
    [
        ("from nextcord import opus; opus.load_opus(libopus()._name); decoder = opus.Decoder()", CRASHED),
        ("from bot.voice.opus import OpusDecoder; decoder = OpusDecoder()", {0}),
    ],
    ids=["nextcord", "ours"],
)
def test_1_a_mono_packet_does_not_overflow_the_decoder(decoding: str, codes: set[int]) -> None:
    program = f"""
from config.libopus import libopus
from workers.opus import OpusEncoder
import numpy as np
{decoding}
mono = OpusEncoder().encode(np.zeros(48_000, np.float32))
for packet in (mono + [bytes.fromhex("f8fffe")]) * 40:
    assert len(decoder.decode(packet)) * (2 if decoder.__module__.startswith("bot") else 1) in (1920, 3840)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, check=False, timeout=60)
    assert done.returncode in codes, done.stderr.decode()


@BOTH
async def test_2_a_call_that_was_downgraded_is_encrypted_again(scene: Stage, kind: type[Seat]) -> None:
    asha, guest = scene.home.add_member("Asha"), scene.home.add_member("Guest")
    guest.dave_version = 0
    await asha.join(scene.channel)
    seat, _ = await seat_of(scene, kind)
    await until(lambda: seat.e2ee_state is not None and seat.e2ee_state.can_encrypt())
    await guest.join(scene.channel)
    await until(lambda: seat.e2ee_state is not None and not seat.e2ee_state.can_encrypt())
    await guest.leave()
    await until(lambda: seat.e2ee_state is not None and seat.e2ee_state.can_encrypt())


@BOTH
async def test_3_a_resumed_without_data_is_read(scene: Stage, kind: type[Seat]) -> None:
    """As Discord sends it. Told without having asked, since nextcord's resume doesn't come this far."""
    _, session = await seat_of(scene, kind)
    await session.tell(Op.RESUMED, None)
    asha, mark = scene.home.add_member("Asha"), scene.discord.journal.mark()
    await asha.join(scene.channel)
    await scene.discord.journal.first(
        DaveExecuted, lambda event: len(event.members) == 2, since=mark, seconds=SOON_SECONDS
    )


@BOTH
async def test_4_a_crashed_voice_server_is_resumed(scene: Stage, kind: type[Seat]) -> None:
    asha = scene.home.add_member("Asha")
    await asha.join(scene.channel)
    seat, session = await seat_of(scene, kind)
    await is_heard(seat, asha)
    await crash(session)
    await scene.discord.journal.first(VoiceResumed, seconds=SOON_SECONDS)
    await until(seat.is_connected)
    await is_heard(seat, asha)
    mark = scene.discord.journal.mark()
    await crash(session)  # and once more: the task that waits for messages is alive still
    await scene.discord.journal.first(VoiceResumed, since=mark, seconds=SOON_SECONDS)


@BOTH
async def test_5_a_resume_asks_only_for_what_was_missed(scene: Stage, kind: type[Seat]) -> None:
    asha = scene.home.add_member("Asha")
    await asha.join(scene.channel)
    seat, session = await seat_of(scene, kind)
    await asha.speak(tone(0.02))
    await until(lambda: seat.ws.seq_ack == session.sequence)
    await crash(session)
    resumed = await scene.discord.journal.first(VoiceResumed, seconds=SOON_SECONDS)
    assert (resumed.seq_ack, resumed.replayed) == (session.sequence, 0)


@BOTH
@pytest.mark.parametrize("code", [4021, 4022, 4017])
async def test_6_who_is_asked_not_to_come_back_stays_away(scene: Stage, kind: type[Seat], code: int) -> None:
    seat, session = await seat_of(scene, kind)
    mark = scene.discord.journal.mark()
    await scene.discord.voice.end(session, code)
    bot = scene.home.bot.id
    await scene.discord.journal.first(
        VoiceStateChanged,
        lambda event: event.user_id == bot and event.channel_id is None,
        since=mark,
        seconds=SOON_SECONDS,
    )
    coming_back = asyncio.create_task(
        scene.discord.journal.first(VoiceStateChanged, lambda event: bool(event.channel_id), since=mark)
    )
    came_back, _ = await asyncio.wait({coming_back}, timeout=2)
    coming_back.cancel()
    assert not came_back
    assert seat not in scene.client.voice_clients


@BOTH
async def test_7_without_a_new_server_she_is_out_soon(scene: Stage, kind: type[Seat]) -> None:
    seat, session = await seat_of(scene, kind)
    seat.timeout = 60.0  # as nextcord's default is
    await scene.discord.voice.end(session, 4014)
    await until(lambda: seat not in scene.client.voice_clients)


@BOTH
async def test_8_another_region_is_gone_to_without_leaving_the_channel(scene: Stage, kind: type[Seat]) -> None:
    asha = scene.home.add_member("Asha")
    await asha.join(scene.channel)
    seat, _ = await seat_of(scene, kind)
    mark = scene.discord.journal.mark()
    await scene.home.move_region()
    await scene.discord.bot_connected_to_voice(since=mark, seconds=SOON_SECONDS)
    await until(seat.is_connected)
    await is_heard(seat, asha)
    assert not scene.discord.journal.all(VoiceStateChanged, since=mark)


@BOTH
async def test_8_the_socket_to_another_region_is_closed(scene: Stage, kind: type[Seat]) -> None:
    seat, _ = await seat_of(scene, kind)
    old_socket, mark = seat.socket, scene.discord.journal.mark()
    await scene.home.move_region()
    await scene.discord.bot_connected_to_voice(since=mark, seconds=SOON_SECONDS)
    await until(seat.is_connected)
    assert seat.socket is not old_socket
    await until(lambda: old_socket.fileno() == -1)


@BOTH
async def test_9_lost_answers_do_not_stop_the_discovery(scene: Stage, kind: type[Seat]) -> None:
    scene.discord.voice.faults.lost_discoveries = 2
    await address_is_found(scene, kind)


@BOTH
async def test_9_strangers_do_not_stop_the_discovery(scene: Stage, kind: type[Seat]) -> None:
    scene.discord.voice.faults.stray_before_discovery = b"\x80\x78 something else, with a zero \x00 in it" + bytes(40)
    await address_is_found(scene, kind)


async def address_is_found(scene: Stage, kind: type[Seat]) -> None:
    asha = scene.home.add_member("Asha")
    await asha.join(scene.channel)
    async with asyncio.timeout(SOON_SECONDS):
        seat, _ = await seat_of(scene, kind)
    assert (seat.ip, seat.port) == seat.socket.getsockname()
    await is_heard(seat, asha)


@BOTH
async def test_10_the_way_through_the_router_is_kept_open(
    scene: Stage, kind: type[Seat], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    server = scene.discord.voice.servers[0]
    receive = server.receive

    def watch(packet: bytes, address: tuple[str, int]) -> None:
        seen.append(packet)
        receive(packet, address)

    monkeypatch.setattr(server, "receive", watch)
    await seat_of(scene, kind)
    await until(lambda: any(len(packet) == 8 for packet in seen))


@BOTH
async def test_10_the_last_word_is_followed_by_silence(scene: Stage, kind: type[Seat]) -> None:
    asha = scene.home.add_member("Asha")
    await asha.join(scene.channel)
    seat, _ = await seat_of(scene, kind)
    seat.say(spoken(0.2))
    heard = await asha.hears(10, seconds=SOON_SECONDS)
    await until(lambda: [packet.is_silence for packet in heard.packets[-5:]] == [True] * 5)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """All that is logged about voice, by nextcord and by us. Not what its main gateway logs of every message that
    comes: that is the same whichever voice client there is."""
    lines: list[str] = []

    class Voice(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name != "nextcord.gateway" or "oice websocket" in record.msg:
                lines.append(record.getMessage())

    handler = Voice()
    names = ("nextcord.gateway", "nextcord.voice_client", "bot")
    for name in names:
        caplog.set_level(logging.DEBUG, name)
        logging.getLogger(name).addHandler(handler)
    ours = loguru.logger.add(
        lambda message: lines.append(str(message)), level=0, format="{message} {extra} {exception}"
    )
    yield lines
    loguru.logger.remove(ours)
    for name in names:
        logging.getLogger(name).removeHandler(handler)


async def joins_twice(scene: Stage, kind: type[Seat]) -> tuple[Seat, list[Transport]]:
    """A join, a connection that breaks, and another join, so that there is something to log; and the keys of both."""
    seat, first = await seat_of(scene, kind)
    mark = scene.discord.journal.mark()
    await scene.discord.voice.close(first, 4006)
    second = await scene.discord.bot_connected_to_voice(since=mark)
    return seat, [session.transport for session in (first, second) if session.transport is not None]


@BOTH
async def test_10_no_log_tells_the_token(scene: Stage, kind: type[Seat], told: list[str]) -> None:
    seat, _ = await joins_twice(scene, kind)
    assert told
    assert str(seat.token) not in "\n".join(told)


@BOTH
async def test_10_no_log_tells_the_key(scene: Stage, kind: type[Seat], told: list[str]) -> None:
    _, transports = await joins_twice(scene, kind)
    assert told
    for transport in transports:
        assert str(list(transport.key))[1:-1] not in "\n".join(told)
        assert transport.key.hex() not in "\n".join(told)
