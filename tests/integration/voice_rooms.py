"""A voice room with everything real around it but the engines: nextcord, the simulator, Redis, Celery, workers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import nextcord
import pytest

from bot.active import ActiveTurns
from bot.by_heart import Recordings
from bot.consent import Consent
from bot.preferences import Preferences
from bot.turns import Turns, Who
from bot.voice.remembered_rooms import RememberedRooms
from bot.voice.room import VoiceRoom
from bot.voice.rooms import VoiceRooms
from tasks import keys
from tasks.history import PastTurn, decode_turns
from tests.discord.channel import Channel
from tests.discord.people.person import Person
from tests.fakes.pitched_speech import hearing_of_tones, spoken_pcm
from tests.fakes.stages import ENVIRONMENT
from tests.integration.voice_seat import Stage, stage
from tests.running import RunningValkey, RunningWorker

ROOM_ENVIRONMENT = {
    **ENVIRONMENT,
    "TRANSCRIBE_ENGINES": "tests.fakes.pitched_speech:load_transcriber",
    "SYNTHESIZE_ENGINES": "tests.fakes.pitched_speech:load_synthesizer",
}
PATIENCE_SECONDS = 10.0


def room_stack(folder: Path) -> Iterator[str]:
    """Valkey and one worker a stage; yields the address."""
    with ExitStack() as running:
        valkey = running.enter_context(RunningValkey(folder))
        for name in ("transcribe", "generate", "synthesize"):
            running.enter_context(RunningWorker(name, valkey.url, folder, ROOM_ENVIRONMENT))
        yield valkey.url


class RoomScene:
    """Priya with a channel to sit in. People come with ``person``."""

    def __init__(self, scene: Stage, rooms: VoiceRooms, turns: Turns, consent: Consent, active: ActiveTurns) -> None:
        self.scene = scene
        self.rooms = rooms
        self.turns = turns
        self.consent = consent
        self.active = active
        self.room: VoiceRoom

    def place(self, channel: Channel) -> nextcord.VoiceChannel:
        """A channel as nextcord knows it."""
        guild = self.scene.client.get_guild(self.scene.home.id)
        assert guild is not None
        place = guild.get_channel(channel.id)
        assert isinstance(place, nextcord.VoiceChannel)
        return place

    async def person(self, name: str, *, agrees: bool = True) -> Person:
        """Somebody in the channel."""
        person = self.scene.home.add_member(name)
        await person.join(self.scene.channel)
        if agrees:
            await self.consent.agree(person.id)
        return person

    async def join(self, *people: Person) -> VoiceRoom:
        """She joins, and these people hear her and have her keys."""
        self.room = await self.rooms.join(self.place(self.scene.channel), None)
        await self.she_is_heard_by(*people)
        return self.room

    async def sit_down(self) -> VoiceRoom:
        """She joins, without a word."""
        self.room = await self.rooms.join(self.place(self.scene.channel), None)
        return self.room

    async def she_is_heard_by(self, *people: Person) -> None:
        before = {person: sounds(person) for person in people}
        await self.room.say(Who("0", "a test", f"discord:{self.scene.channel.id}"), "Hello.")
        for person in people:
            await person.hears(before[person] + 5)
        for person in people:
            await person.hears_silence_of(0.4)

    async def history(self) -> list[PastTurn]:
        key = keys.history(f"discord:{self.scene.channel.id}")
        fields = await self.turns.dispatcher.redis.hgetall(key)
        return sorted(decode_turns(fields.values()), key=lambda past: past.at)


def sounds(person: Person) -> int:
    """Packets with sound of her that this person heard so far."""
    return sum(bool(packet.opus) and not packet.is_silence for packet in person.heard().packets)


async def says(person: Person, text: str, seconds: float = 0.6) -> None:
    await person.speak(spoken_pcm(text, seconds))


async def her_next_words(person: Person, packets: int = 5) -> None:
    """Until she says something new that this person hears."""
    await person.hears(sounds(person) + packets)


@asynccontextmanager
async def room_scene(
    monkeypatch: pytest.MonkeyPatch, url: str, by_heart: Recordings | None = None
) -> AsyncIterator[RoomScene]:
    async with stage(monkeypatch) as scene, Turns(url, request_seconds=20) as turns:
        redis = turns.dispatcher.redis
        async for key in redis.scan_iter("history:*"):
            await redis.delete(key)
        await turns.dispatcher.warm_up()
        async with Consent(redis) as consent:
            active = ActiveTurns(10)
            rooms = VoiceRooms(
                *(turns, consent, Preferences(redis), active, redis, None),
                hearing=hearing_of_tones,
                join_seconds=4,
                by_heart=by_heart,
            )
            try:
                yield RoomScene(scene, rooms, turns, consent, active)
            finally:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await rooms.close()


async def until_back(scene: RoomScene, not_in: VoiceRoom | None = None) -> VoiceRoom:
    async with asyncio.timeout(8):
        while (room := scene.rooms.of(scene.scene.home.id)) is None or room is not_in:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return room


async def until_tidy(scene: RoomScene) -> None:
    while scene.rooms._background:
        await asyncio.wait(scene.rooms._background)


async def is_remembered(scene: RoomScene) -> bool:
    return await RememberedRooms(scene.turns.dispatcher.redis).of(scene.scene.home.id) is not None
