"""Stock nextcord in the simulator's voice: what it plays is heard, with and without end-to-end encryption."""

from collections.abc import AsyncIterator

import pytest

from tests.discord.channel import Channel
from tests.discord.events import DaveExecuted
from tests.discord.home import Home
from tests.discord.people.person import Person
from tests.discord.simulator import DiscordSimulator
from tests.discord.sounds import pitch, tone
from tests.discord.stock import Packets, nextcord, running, stock_client
from workers.opus import OpusEncoder

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # nextcord's own use of aiohttp
]


class Call:
    """A guild with one voice channel, a person, and stock nextcord."""

    def __init__(self, discord: DiscordSimulator, home: Home, channel: Channel, client: nextcord.Client) -> None:
        self.discord = discord
        self.home = home
        self.channel = channel
        self.client = client
        self.asha: Person

    async def connect(self) -> nextcord.VoiceClient:
        found = self.client.get_channel(self.channel.id)
        assert isinstance(found, nextcord.VoiceChannel)
        voice: nextcord.VoiceClient = await found.connect(timeout=10)
        return voice

    async def encrypted(self, *members: int, since: int = 0) -> DaveExecuted:
        """Wait until exactly these are in one group and use it."""

        def fits(event: DaveExecuted) -> bool:
            return event.version == 1 and {*event.members} == {*members}

        return await self.discord.journal.first(DaveExecuted, fits, since=since)

    @property
    def bot(self) -> int:
        return self.discord.world.bot.id


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    async with DiscordSimulator(seed=3) as discord:
        home = discord.add_guild()
        channel = home.add_voice_channel()
        asha = home.add_member("Asha")
        async with running(stock_client(), discord) as client:
            call = Call(discord, home, channel, client)
            call.asha = asha
            yield call
            for voice in client.voice_clients:
                await voice.disconnect(force=True)


@pytest.mark.parametrize("bot_comes_first", [True, False])
async def test_what_nextcord_plays_is_heard_end_to_end_encrypted(call: Call, bot_comes_first: bool) -> None:
    if bot_comes_first:
        voice = await call.connect()
        await call.asha.join(call.channel)
    else:
        await call.asha.join(call.channel)
        voice = await call.connect()
    await call.encrypted(call.bot, call.asha.id)
    voice.play(Packets(OpusEncoder().encode(tone(1.0))))
    heard = await call.asha.hears(45)
    assert heard.undecryptable() == 0
    assert all(packet.sent != packet.opus for packet in heard.packets[5:])  # op 22 is just on its way to the bot
    assert pitch(heard.pcm()) == pytest.approx(440, abs=5)


async def test_a_person_without_dave_turns_it_off_for_everyone(call: Call) -> None:
    call.asha.dave_version = 0
    voice = await call.connect()
    await call.asha.join(call.channel)
    await call.discord.journal.first(DaveExecuted, lambda event: event.version == 0)
    voice.play(Packets(OpusEncoder().encode(tone(0.6))))
    heard = await call.asha.hears(25)
    assert all(packet.sent == packet.opus for packet in heard.packets)


async def test_stock_nextcord_stays_in_plaintext_after_a_downgrade_and_upgrade(call: Call) -> None:
    """Defect 2 of nextcord 3.2: it never reads op 24, so it never sends the key package that the others wait for."""
    ravi = call.home.add_member("Ravi")
    ravi.dave_version = 0
    voice = await call.connect()
    await call.asha.join(call.channel)
    await call.encrypted(call.bot, call.asha.id)
    await ravi.join(call.channel)
    await call.discord.journal.first(DaveExecuted, lambda event: event.version == 0)
    since = call.discord.journal.mark()
    await ravi.leave()
    voice.play(Packets(OpusEncoder().encode(tone(0.6))))
    heard = await call.asha.hears(25)
    assert all(packet.sent == packet.opus for packet in heard.packets[5:])
    assert not call.discord.journal.all(DaveExecuted, lambda event: event.version == 1, since=since)


async def test_people_come_and_go_and_everyone_present_hears(call: Call) -> None:
    """The group's tree gets holes and fills them; nobody has a key for longer than they are there."""
    people = [call.asha, *(call.home.add_member(f"friend {number}") for number in range(4))]
    voice = await call.connect()
    for person in people:
        await person.join(call.channel)
    await call.encrypted(call.bot, *(person.id for person in people))
    for gone in (people[1], people[3]):
        await gone.leave()
    since = call.discord.journal.mark()
    await people[1].join(call.channel)
    present = [person for person in people if person is not people[3]]
    await call.encrypted(call.bot, *(person.id for person in present), since=since)
    voice.play(Packets(OpusEncoder().encode(tone(1.0))))
    for person in present:
        heard = await person.hears(40)
        assert heard.undecryptable() == 0
    await people[2].speak(tone(0.4, 300))
    for person in present:
        if person is not people[2]:
            assert pitch(person.heard(people[2].id).pcm()) == pytest.approx(300, abs=10)


async def test_the_last_one_in_a_call_can_be_joined_again(call: Call) -> None:
    voice = await call.connect()
    for _ in range(3):
        since = call.discord.journal.mark()
        await call.asha.join(call.channel)
        await call.encrypted(call.bot, call.asha.id, since=since)
        voice.play(Packets(OpusEncoder().encode(tone(0.4))))
        assert (await call.asha.hears(15)).undecryptable() == 0
        await call.asha.leave()
        await call.encrypted(call.bot, since=since)
        voice.stop()
