"""All voice channels in which this process sits: joining, leaving, and coming back. One event loop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, cast

import aiohttp
import nextcord
from loguru import logger
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.active import ActiveTurns
from bot.by_heart import NoRecordings, Recordings
from bot.consent import Consent
from bot.foggy_head import FoggyHead
from bot.preferences import Preferences
from bot.turns import Turns
from bot.voice.client import VoiceConnection
from bot.voice.closing import Ended
from bot.voice.company import Company, silero_hearing
from bot.voice.hearing import Hearing
from bot.voice.joining import CannotJoin, JoinRefusal, refusal
from bot.voice.nickname import Nickname
from bot.voice.remembered_rooms import RememberedRoom, RememberedRooms
from bot.voice.room import VoicePlace, VoiceRoom
from bot.voice.smart_turn import TurnJudge

JOIN_SECONDS: Final = 10.0
LOCK_SECONDS: Final = 30.0
"""How long a join waits for the one before it in the same server."""
DRAIN_SECONDS: Final = 5.0
"""What is being said when the process ends may take so long."""
SETTLE_SECONDS: Final = 2.0
"""What is left to do after that: her name, history."""
COME_BACK_AFTER_SECONDS: Final = (0.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Put out by accident, she tries so often: the client may not be logged in again."""
FORGET_AGAIN_SECONDS: Final = 5.0
"""How often Redis is told again that she was sent away, until it takes it."""
AT_A_TIME: Final = 8
"""Voice channels that she comes back to: Discord takes 120 requests a minute, and Redis has connections for 100."""
_PASSING: Final[frozenset[JoinRefusal | None]] = frozenset({"timeout", "busy", "full"})
"""May be over in a minute, or by the next start."""

type Announce = Callable[[VoiceRoom], Awaitable[None]]
"""Tells the text channel that she listens, and asks for consent."""


class VoiceRooms:
    """One per process."""

    def __init__(
        self,
        turns: Turns,
        consent: Consent,
        preferences: Preferences,
        active: ActiveTurns,
        redis: Redis,
        judge: TurnJudge | None,
        *,
        announce: Announce | None = None,
        hearing: Callable[[], Hearing] = silero_hearing,
        join_seconds: float = JOIN_SECONDS,
        lock_seconds: float = LOCK_SECONDS,
        head: FoggyHead | None = None,
        by_heart: Recordings | None = None,
    ) -> None:
        self.announce = announce
        """May be set later, by whoever knows the words."""
        self._company = Company(
            *(turns, consent, preferences, active, judge, hearing),
            head=head or FoggyHead(),
            by_heart=by_heart or NoRecordings(),
        )
        self._remembered = RememberedRooms(redis)
        self._join_seconds = join_seconds
        self._lock_seconds = lock_seconds
        self._rooms: dict[int, VoiceRoom] = {}
        self._connections: dict[VoiceRoom, VoiceConnection] = {}
        self._nicknames: dict[VoiceRoom, Nickname] = {}
        self._doors: dict[int, asyncio.Lock] = {}
        """One join at a time in a server."""
        self._background: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        consent.on_revoked(self._stop_hearing)

    def of(self, guild_id: int) -> VoiceRoom | None:
        return self._rooms.get(guild_id)

    async def join(self, channel: VoicePlace, announce_in: nextcord.abc.Messageable | None) -> VoiceRoom:
        """Join it, leaving another of this server. If she is there already: that room.

        Raises CannotJoin, and what ``announce`` raises: then she is there, and nobody was told."""
        room, is_new = await self._join(channel, announce_in)
        if is_new and self.announce is not None:
            await self.announce(room)
        return room

    async def leave(self, guild_id: int) -> bool:
        """False: she is in no channel there."""
        async with self._door(guild_id):  # a join that is under way arrives first
            room = self._rooms.get(guild_id)
            connection = self._connections.get(room) if room is not None else None
            if connection is not None:
                await connection.disconnect()
            await self._forget(guild_id)
        return room is not None

    async def moved(self, guild_id: int) -> None:
        """A moderator dragged her into another channel: whoever is there learns that she listens, and a restart finds
        her there. If they can't be told she leaves: raises what ``announce`` raises."""
        async with self._door(guild_id):
            if (room := self._rooms.get(guild_id)) is None:
                return
            room.written_in = room.channel  # who is here now may not see where she was called
            await self._remember(room)
        await self._announce(room)

    async def _announce(self, room: VoiceRoom) -> None:
        """Raises what ``announce`` raises; then she is there no longer, for nobody could be told."""
        try:
            if self.announce is not None:
                await self.announce(room)
        except BaseException:
            await self.leave(room.channel.guild.id)
            raise

    async def rejoin(self, client: nextcord.Client, guild_ids: Sequence[int]) -> None:
        """Go where she sat before the process or the client's session began anew. Safe to call often."""
        try:
            kept = await self._remembered.all()
        except RedisError as error:
            logger.bind(success=False).warning("Where she sat is not known: {}", error)
            self._spawn(self._rejoin_later(client, guild_ids))
            return
        few = asyncio.Semaphore(AT_A_TIME)

        async def come_back(guild_id: int) -> None:
            async with few:
                reason = await self._come_back(client, guild_id)
            if reason in _PASSING:
                self._spawn(self._after_accident(client, guild_id))

        coming = (come_back(guild_id) for guild_id in guild_ids if guild_id in kept)
        for outcome in await asyncio.gather(*coming, return_exceptions=True):
            if isinstance(outcome, Exception):
                logger.opt(exception=outcome).bind(success=False).error("Not back in a voice channel")

    async def _rejoin_later(self, client: nextcord.Client, guild_ids: Sequence[int]) -> None:
        """When Redis is back."""
        if await self._waited(FORGET_AGAIN_SECONDS):
            await self.rejoin(client, guild_ids)

    async def close(self) -> None:
        """Finish what is being said, and leave all channels, to come back with the next start."""
        self._closing.set()
        rooms = list(self._rooms.values())
        if rooms:
            _, talking = await asyncio.wait(
                [asyncio.create_task(room.finish()) for room in rooms], timeout=DRAIN_SECONDS
            )
            for task in talking:
                task.cancel()
        await asyncio.gather(
            *(connection.disconnect() for connection in self._connections.values()), return_exceptions=True
        )
        last = [*self._background, *(asyncio.create_task(room.settled()) for room in rooms)]
        if last:
            await asyncio.wait(last, timeout=SETTLE_SECONDS)

    async def _join(self, channel: VoicePlace, announce_in: nextcord.abc.Messageable | None) -> tuple[VoiceRoom, bool]:
        """Whether she was not there before. Raises CannotJoin."""
        door = self._door(channel.guild.id)
        try:
            async with asyncio.timeout(self._lock_seconds):
                await door.acquire()
        except TimeoutError:
            raise CannotJoin("busy") from None
        try:
            room = self._rooms.get(channel.guild.id)
            if room is not None and room.channel.id == channel.id:
                return room, False
            return await self._enter(channel, announce_in), True
        finally:
            door.release()

    def _door(self, guild_id: int) -> asyncio.Lock:
        return self._doors.setdefault(guild_id, asyncio.Lock())

    async def _enter(self, channel: VoicePlace, announce_in: nextcord.abc.Messageable | None) -> VoiceRoom:
        """Raises CannotJoin."""
        if self._closing.is_set():
            raise CannotJoin("busy")
        if (reason := refusal(channel)) is not None:
            raise CannotJoin(reason)
        guild = channel.guild
        if (before := self._rooms.get(guild.id)) is not None:
            await self._connections[before].disconnect()
        room = VoiceRoom(channel, self._company, announce_in, self._room_ended)
        connection = await self._connect(channel, room)
        if connection.has_ended:  # put out again before she sat
            raise CannotJoin("timeout")
        self._rooms[guild.id] = room
        self._connections[room] = connection
        room.seat(connection.player, lambda: cast("VoicePlace", connection.channel))
        self._nicknames[room] = nickname = Nickname(guild)
        self._spawn(nickname.mark())
        await self._remember(room)
        return room

    async def _forget(self, guild_id: int) -> None:
        """She was sent away: neither this process nor the next one comes back by itself."""
        if not await self._remembered.forget(guild_id):
            self._spawn(self._forget_later(guild_id))

    async def _forget_later(self, guild_id: int) -> None:
        while self._remembered.owes(guild_id) and await self._waited(FORGET_AGAIN_SECONDS):
            async with self._door(guild_id):  # else she might be remembered anew, and forgotten after that
                if self._remembered.owes(guild_id):
                    await self._remembered.forget(guild_id)

    async def _waited(self, seconds: float) -> bool:
        """False: the process ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        return not self._closing.is_set()

    async def _remember(self, room: VoiceRoom) -> None:
        channel, written_in_id = room.channel, getattr(room.written_in, "id", None)
        await self._remembered.remember(RememberedRoom(channel.guild.id, channel.id, written_in_id))

    async def _connect(self, channel: VoicePlace, room: VoiceRoom) -> VoiceConnection:
        """Raises CannotJoin."""
        if (stale := channel.guild.voice_client) is not None:
            await stale.disconnect(force=True)
        try:
            return await channel.connect(cls=partial(VoiceConnection, ears=room), timeout=self._join_seconds)
        except TimeoutError:
            # Discord answers nothing to a join that it doesn't allow: what it was may be known by now.
            raise CannotJoin(refusal(channel) or "timeout") from None
        except nextcord.ClientException:
            raise CannotJoin("busy") from None
        except (aiohttp.ClientError, OSError):  # the client itself is not connected to Discord
            raise CannotJoin("timeout") from None

    def _room_ended(self, room: VoiceRoom, why: Ended) -> None:
        """She is out of the channel."""
        guild_id = room.channel.guild.id
        if self._rooms.get(guild_id) is room:
            del self._rooms[guild_id]
        connection = self._connections.pop(room, None)
        self._spawn(self._tidy_up(room, guild_id, why, connection))

    async def _tidy_up(self, room: VoiceRoom, guild_id: int, why: Ended, connection: VoiceConnection | None) -> None:
        nickname = self._nicknames.pop(room, None)
        was_put_out = connection is None or connection.was_put_out
        if connection is not None and (why is Ended.LOST or (why is Ended.REMOVED and not was_put_out)):
            await self._after_accident(connection.client, guild_id)
        elif why in {Ended.REMOVED, Ended.REFUSED}:
            async with self._door(guild_id):
                if guild_id not in self._rooms:  # else she was called again already
                    await self._forget(guild_id)
        if nickname is not None:
            await nickname.restore(lambda: guild_id not in self._rooms)

    async def _after_accident(self, client: nextcord.Client, guild_id: int) -> None:
        """Nobody put her out: the client's session was lost, and her seat with it. It may take a while to be back."""
        for pause_seconds in COME_BACK_AFTER_SECONDS:
            if not await self._waited(pause_seconds) or guild_id in self._rooms:
                return
            reason = await self._come_back(client, guild_id)
            if reason not in _PASSING:
                break
        else:
            logger.bind(success=False).warning("Gave up a voice channel until the next start: {}", reason)

    async def _come_back(self, client: nextcord.Client, guild_id: int) -> JoinRefusal | None:
        """To the channel that is remembered, if one is. What stands in the way for good makes it forgotten."""
        try:
            kept = await self._remembered.of(guild_id)
        except RedisError as error:
            logger.bind(success=False).warning("Where she sat is not known: {}", error)
            return "timeout"
        if kept is None or self._closing.is_set():
            return None
        guild = client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return "timeout"
        room = self._rooms.get(guild_id)
        if room is not None:
            if guild.voice_client is self._connections[room]:
                return None
            await self._connections[room].disconnect()  # of a session that is gone: nothing reaches it any more
        channel = guild.get_channel(kept.channel_id)
        written_in = guild.get_channel(kept.written_in_id) if kept.written_in_id else None
        try:
            if not isinstance(channel, nextcord.VoiceChannel):
                raise CannotJoin("gone")
            announce_in = written_in if isinstance(written_in, nextcord.abc.Messageable) else None
            joined, is_new = await self._join(channel, announce_in)
            if is_new and self._somebody_may_not_know(joined):
                await self._announce(joined)
        except (nextcord.HTTPException, aiohttp.ClientError, OSError) as error:
            logger.bind(success=False).warning("Nobody could be told that she is back: {}", type(error).__name__)
        except CannotJoin as refused:
            logger.info("Not back in a voice channel: {}", refused.reason)
            if refused.reason not in _PASSING:
                await self._forget(guild_id)
            return refused.reason
        return None

    def _somebody_may_not_know(self, room: VoiceRoom) -> bool:
        """People who have not agreed: they may have come while she was away."""
        agreed, me = self._company.consent.has_agreed, room.channel.guild.me.id
        return any(user_id != me and not agreed(user_id) for user_id in room.channel.voice_states)

    def _stop_hearing(self, user_id: int) -> None:
        for room in list(self._rooms.values()):
            room.forget(user_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="voice-rooms")
        self._background.add(task)
        task.add_done_callback(self._background.discard)
