"""Priya's seat in a voice channel: nextcord's VoiceClient, with ears, a mouth in time, and a hold on its connection.

    voice = await channel.connect(cls=partial(VoiceConnection, ears=ears))

Event loop only, but for what ``Wire`` asks: that is the sending thread's. The receiving thread has everything of its
own. What of nextcord is replaced, and why, is in docs/discord-voice.md.
"""

import asyncio
import contextlib
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from loguru import logger
from nextcord import VoiceClient, abc
from nextcord.client import Client
from nextcord.enums import SpeakingState
from nextcord.http import HTTPClient

from bot.voice.closing import Ended
from bot.voice.discovery import Address, discover, udp_to
from bot.voice.e2ee import GroupState
from bot.voice.gateway import VoiceGateway
from bot.voice.inner_ear import InnerEar
from bot.voice.playback import Player, Speech
from bot.voice.receive import Heard, Receiver
from bot.voice.receiving import Order, ReceiveThread
from bot.voice.reconnecting import GRACE_SECONDS, MOVED_CODE, Recovery
from bot.voice.rtp import Drop, write_header
from bot.voice.sending import SendThread
from bot.voice.transport import SUPPORTED_MODES, Transport
from config.audio import SPOKEN_FRAME_SAMPLES

if TYPE_CHECKING:
    from nextcord.types.voice import GuildVoiceState, VoiceServerUpdate


LEAVE_SECONDS: Final = 3.0
DEAF_CODE: Final = 4006
"""With it she closes a connection on which she hears nothing: Recovery begins a new session."""
GROUP_SECONDS: Final = 8.0
"""Connected for so long and still without a key to speak with: what was lost must be asked for."""


class Ears(Protocol):
    """Who listens, and is told how she fares."""

    def is_heard(self, user_id: int) -> bool:
        """Whether this person agreed to be heard. Asked for every packet, on the receiving thread: be quick."""

    def hear(self, heard: list[Heard]) -> None:
        """What people said, in order. On the event loop; must not block."""

    def said(self, speech: Speech) -> None:
        """A reply was said to its end, or stopped: ``speech.sent_ms`` says how much of it. On the event loop."""

    def ended(self, why: Ended) -> None:
        """She is out of the channel. On the event loop."""


class VoiceConnection(VoiceClient):
    """One voice channel."""

    supported_modes = SUPPORTED_MODES  # type: ignore[assignment]  # nextcord's type names the one that it can do
    ws: VoiceGateway

    def __init__(
        self,
        client: Client,
        channel: abc.Connectable,
        *,
        ears: Ears,
        chance: random.Random | None = None,
        group_seconds: float = GROUP_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(client, channel)
        self.group: Final = GroupState(self)
        self.e2ee_state = self.group
        self.player: Final = Player(self, self._said)
        self.state_known: Final = asyncio.Event()
        """Discord put us into the channel."""
        self.server_known: Final = asyncio.Event()
        self.was_put_out = False
        """Discord showed us out of the channel: somebody wanted that. Without it, a REMOVED may be an accident."""
        self.is_between_servers = False
        self._ears = ears
        self._clock = clock
        self._group_seconds = group_seconds
        self._recovery: Final = Recovery(self, chance or random.Random(), grace_seconds)
        self._sending = SendThread(self.player)
        self._receiving: ReceiveThread | None = None
        self._transport: Transport | None = None
        self._names: dict[int, int] = {}
        self._is_joining = False
        self._has_ended = False
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def http(self) -> HTTPClient:
        return self._state.http

    @property
    def dropped(self) -> Counter[Drop]:
        """Packets of the present connection that went no further, by reason."""
        return Counter(self._receiving.receiver.dropped) if self._receiving is not None else Counter()

    # What nextcord calls

    async def connect(self, *, reconnect: bool, timeout: float) -> None:  # noqa: ASYNC109 - nextcord's signature
        """Join, and stay: see ``Recovery``. Raises TimeoutError, as ``channel.connect`` expects, when it can't."""
        self.timeout = timeout
        try:
            await self._recovery.begin()
            if self._has_ended:
                raise TimeoutError("put out of the channel before she sat")
        except BaseException:
            await self._leave(Ended.LOST, tell=False)
            self.part(MOVED_CODE)  # put out meanwhile, she may have opened them after she had left
            self._close_udp()
            raise
        self._sending.start()
        self._runner = asyncio.create_task(self._recovery.run(reconnect=reconnect), name="voice-connection")
        self._spawn(self._watch_group())

    async def on_voice_state_update(self, data: "GuildVoiceState") -> None:
        self.session_id = data["session_id"]
        channel_id: str | int | None = data["channel_id"]
        if channel_id is not None:
            channel = self.guild.get_channel(int(channel_id)) if self.guild is not None else None
            if channel is not None:
                self.channel = cast("abc.Connectable", channel)
            self.state_known.set()
        elif not self._is_joining:
            self.was_put_out = True
            await self._leave(Ended.REMOVED, is_seated=False)

    async def on_voice_server_update(self, data: "VoiceServerUpdate") -> None:
        """Where to connect. A null endpoint: the old server is gone, and the new one is not known yet."""
        endpoint = (data.get("endpoint") or "").removeprefix("wss://")
        self.is_between_servers = not endpoint
        if not endpoint:
            self.server_known.clear()
            return
        is_news = not self.is_connected() or (endpoint, data["token"]) != (self.endpoint, self.token)
        self.endpoint, self.token, self.server_id = endpoint, data["token"], int(data["guild_id"])
        if not is_news:
            return
        self.server_known.set()
        if not self._is_joining:
            self._recovery.move()

    async def disconnect(self, *, force: bool = False) -> None:
        await self._leave(Ended.ASKED)

    # ``Connection``: what Recovery does (reconnecting.py)

    async def join(self) -> None:
        self._is_joining = True
        self.state_known.clear()
        self.server_known.clear()
        try:
            async with asyncio.timeout(self.timeout):
                await self.voice_connect()
                await self.state_known.wait()
                await self.server_known.wait()
        finally:
            self._is_joining = False

    async def rejoin(self) -> None:
        self._is_joining = True
        try:
            await self.voice_disconnect()
            await self.join()
        finally:
            self._is_joining = False

    async def identify(self) -> None:
        self.server_known.clear()
        self._close_udp()
        self._names.clear()
        self.group.forget_users()
        async with asyncio.timeout(self.timeout):
            self.ws = await VoiceGateway.begin(self)
            while self.ws.secret_key is None:
                await self.ws.poll_event()
        self._connected.set()
        self.player.clear_throat()

    async def resume_session(self) -> None:
        key, last_seen = self.ws.secret_key, self.ws.seq_ack
        async with asyncio.timeout(min(self.timeout, 10)):
            self.ws = await VoiceGateway.begin(self, resume_from=last_seen)
            self.ws.secret_key = key
            while not self.ws.is_resumed:
                await self.ws.poll_event()
        self._connected.set()
        await self.introduce()

    def part(self, code: int) -> None:
        self._connected.clear()
        if self.ws:
            self.ws.leave(code)

    @property
    def has_ended(self) -> bool:
        return self._has_ended

    async def give_up(self, why: Ended) -> None:
        await self._leave(why)

    # ``Session``: what the gateway says (gateway.py), and ``post`` for the group (e2ee.py)

    async def open_udp(self, ssrc: int, ip: str, port: int) -> Address:
        self._close_udp()
        self.ssrc, self.endpoint_ip, self.voice_port = ssrc, ip, port
        self.socket = await udp_to(ip, port)
        self.ip, self.port = address = await discover(self.socket, ssrc)
        return address

    def hear_with(self, mode: str, key: bytes, dave_version: int) -> None:
        self.mode = mode
        before = self._transport
        if self._receiving is not None and before is not None and (before.mode, before.key) == (mode, key):
            return  # told twice; the same key must not be begun again, for its counter would be too
        self._transport = Transport(mode, key)
        self._stop_hearing()
        receiver = Receiver(self._transport, self._ears.is_heard)
        receiver.sealed_speech.begin(dave_version)
        inner_ear = InnerEar()
        self._receiving = ReceiveThread(
            self.socket,
            receiver,
            deliver=partial(self._hand_over, inner_ear),
            lost_step=lambda: self._on_loop(self._lost_step),
            died=lambda: self._on_loop(self.part, DEAF_CODE),
            rest=lambda: inner_ear.rest,
        )
        for ssrc, user_id in self._names.items():
            self._post_name(ssrc, user_id)
        self._receiving.start()

    async def introduce(self) -> None:
        await self.ws.speak(SpeakingState.voice if self.player.is_speaking else SpeakingState.none)

    def greet(self) -> None:
        if self._connected.is_set():
            self._spawn(self._tell_speaking(self.player.is_speaking))

    def name(self, ssrc: int, user_id: int) -> None:
        for known in [known for known, user in self._names.items() if user == user_id]:
            del self._names[known]
        self._names[ssrc] = user_id
        self._post_name(ssrc, user_id)

    def forget(self, user_id: int) -> None:
        self.group.remove_recognised_user(user_id)
        self._names = {ssrc: user for ssrc, user in self._names.items() if user != user_id}
        self.post(lambda receiver: receiver.leave(user_id))

    def post(self, order: Order) -> None:
        if self._receiving is not None:
            self._receiving.post(order)

    # ``Wire``: what the sending thread asks (playback.py)

    def is_ready(self) -> bool:
        return self._connected.is_set() and self._transport is not None and self.group.is_ready

    def send(self, packet: bytes, skipped_frames: int) -> None:
        self.timestamp = self.timestamp + skipped_frames * SPOKEN_FRAME_SAMPLES & 0xFFFFFFFF
        sealed = self._get_voice_packet(packet)
        self.sequence = self.sequence + 1 & 0xFFFF
        self.timestamp = self.timestamp + SPOKEN_FRAME_SAMPLES & 0xFFFFFFFF
        udp = self.socket
        if sealed and udp:
            with contextlib.suppress(OSError):  # a full buffer or a socket that was just closed: one packet is lost
                udp.send(sealed)

    def announce(self, is_speaking: bool) -> None:
        self._on_loop(self._announce, is_speaking)

    def _get_voice_packet(self, data: bytes) -> bytes:
        """Also what nextcord's own ``play`` would send: two counters over one key would give the key away."""
        transport, frame = self._transport, self.group.seal(data)
        if transport is None or frame is None:
            return b""
        return transport.seal(write_header(self.sequence, self.timestamp, self.ssrc), frame)

    # Its own affairs

    def _hand_over(self, inner_ear: InnerEar, heard: list[Heard]) -> None:
        if told := inner_ear.listen(heard):
            self._on_loop(self._ears.hear, told)

    def _on_loop[**P](self, act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """From a thread; nothing happens any more once the loop is closed."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(lambda: act(*args, **kwargs))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _announce(self, is_speaking: bool) -> None:
        if self._connected.is_set():
            self._spawn(self._tell_speaking(is_speaking))

    async def _tell_speaking(self, is_speaking: bool) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # closing: it is told again when it is back
            await self.ws.speak(SpeakingState(int(is_speaking)))

    def _lost_step(self) -> None:
        self._spawn(self._rejoin_group())

    async def _rejoin_group(self) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.group.lost_step(self._clock())

    async def _watch_group(self) -> None:
        """A connection that broke while the group was being joined may have taken our key package with it."""
        while not self._has_ended:
            await asyncio.sleep(self._group_seconds)
            if self._connected.is_set() and not self.group.is_ready:
                await self._rejoin_group()

    def _said(self, speech: Speech) -> None:
        self._on_loop(self._ears.said, speech)

    def _post_name(self, ssrc: int, user_id: int) -> None:
        self.post(lambda receiver: receiver.name(ssrc, user_id, self._clock()))

    def _stop_hearing(self) -> None:
        if self._receiving is not None:
            self._receiving.stop()
            self._receiving = None

    def _close_udp(self) -> None:
        self._stop_hearing()
        if self.socket:
            cast("socket.socket", self.socket).close()
            self.socket = None

    async def _leave(self, why: Ended, *, tell: bool = True, is_seated: bool = True) -> None:
        """``is_seated``: Discord shows us in the channel still."""
        if self._has_ended:
            return
        self._has_ended = True
        self._connected.clear()
        for task in (*self._background, *([self._runner] if self._runner else [])):
            if task is not asyncio.current_task():
                task.cancel()
        self.player.stop()
        self._sending.stop()
        try:
            if self.ws:
                await self.ws.close()
            if is_seated:
                with contextlib.suppress(Exception):  # the main connection may be gone; then so is our seat
                    async with asyncio.timeout(LEAVE_SECONDS):
                        await self.voice_disconnect()
        finally:
            self._close_udp()
            self.cleanup()
        logger.info("Out of the voice channel: {}", why.value)
        if tell:
            self._ears.ended(why)
