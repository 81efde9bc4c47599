"""What nextcord 3.2's voice client does wrong, and ours must not. Each is tried on both: nextcord is expected to fail,
so that we notice when a newer one no longer does."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from tests.discord.events import VoiceResumed, VoiceStateChanged
from tests.discord.people.person import Person
from tests.discord.voice.session import VoiceSession
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
        pytest.param(NextcordClient, marks=pytest.mark.xfail(strict=True, reason="nextcord 3.2.0")),
        OurClient,
    ],
    ids=["nextcord", "ours"],
)
SILENCE = b"\xf8\xff\xfe"
SOON_SECONDS = 4.0
"""Our own client needs much less; nextcord is given up after it."""


@pytest_asyncio.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with stage(monkeypatch) as set_up:
        yield set_up


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


@pytest.mark.parametrize(
    ("decoding", "survives"),
    [
        ("from nextcord import opus; opus.load_opus(libopus()._name); decoder = opus.Decoder()", False),
        ("from bot.voice.opus import OpusDecoder; decoder = OpusDecoder()", True),
    ],
    ids=["nextcord", "ours"],
)
def test_1_a_mono_packet_does_not_overflow_the_decoder(decoding: str, survives: bool) -> None:
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
    assert (done.returncode == 0) is survives, done.stderr.decode()


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
async def test_3_and_4_a_crashed_voice_server_is_resumed(scene: Stage, kind: type[Seat]) -> None:
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
    with pytest.raises(AssertionError, match="no VoiceStateChanged"):
        await scene.discord.journal.first(
            VoiceStateChanged, lambda event: bool(event.channel_id), since=mark, seconds=2
        )
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
    old_socket, mark = seat.socket, scene.discord.journal.mark()
    await scene.home.move_region()
    await scene.discord.bot_connected_to_voice(since=mark, seconds=SOON_SECONDS)
    await until(seat.is_connected)
    await is_heard(seat, asha)
    assert not scene.discord.journal.all(VoiceStateChanged, since=mark)
    assert old_socket.fileno() == -1


@BOTH
async def test_9_lost_answers_and_strangers_do_not_stop_the_discovery(scene: Stage, kind: type[Seat]) -> None:
    asha = scene.home.add_member("Asha")
    await asha.join(scene.channel)
    scene.discord.voice.faults.lost_discoveries = 2
    scene.discord.voice.faults.stray_before_discovery = b"\x80\x78 something else, with a zero \x00 in it" + bytes(40)
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


@BOTH
async def test_10_no_log_tells_a_secret(scene: Stage, kind: type[Seat], caplog: pytest.LogCaptureFixture) -> None:
    for name in ("nextcord.voice_client", "bot"):
        caplog.set_level(logging.DEBUG, name)
    logger = logging.getLogger("nextcord.gateway")
    voice_lines: list[str] = []

    class Voice(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "oice websocket" in record.msg:
                voice_lines.append(record.getMessage())

    handler = Voice()
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        seat, session = await seat_of(scene, kind)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    text = "\n".join(
        [*voice_lines, *(record.getMessage() for record in caplog.records if "gateway" not in record.name)]
    )
    assert session.transport is not None
    assert str(seat.token) not in text
    assert str(list(session.transport.key))[1:-1] not in text
