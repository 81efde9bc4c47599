"""The DAVE group among simulated people only: libdave on every side but the server's."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from tests.discord.channel import Channel
from tests.discord.events import DaveExecuted
from tests.discord.people.person import Person
from tests.discord.simulator import DiscordSimulator
from tests.discord.sounds import pitch, tone
from tests.discord.voice.dave_group import DaveGroup


class Company:
    """Some people and a voice channel."""

    def __init__(self, discord: DiscordSimulator, count: int) -> None:
        home = discord.add_guild()
        self.discord = discord
        self.channel: Channel = home.add_voice_channel()
        self.people: list[Person] = [home.add_member(f"person {number}") for number in range(count)]

    @property
    def group(self) -> DaveGroup:
        return self.discord.voice.room(self.channel.id).dave

    async def settled(self, *people: Person) -> None:
        """Wait until exactly these are in the group and use its newest epoch."""
        ids = {person.id for person in people}

        def fits(event: DaveExecuted) -> bool:
            return {*event.members} == ids and event.epoch == self.group.epoch and {*self.group.members} == ids

        await self.discord.journal.first(DaveExecuted, fits)

    async def hear_each_other(self, *people: Person) -> None:
        """Everyone says something of their own, and everyone else hears just that."""
        for number, speaker in enumerate(people):
            for person in people:
                person.headset.heard.clear()
            await speaker.speak(tone(0.3, 300 + 100 * number))
            for person in people:
                if person is not speaker:
                    heard = person.heard(speaker.id)
                    assert heard.undecryptable(0) == 0
                    assert pitch(heard.pcm()) == pytest.approx(300 + 100 * number, abs=15)


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    async with DiscordSimulator(seed=17) as discord:
        yield Company(discord, 6)


async def test_whoever_is_here_hears_whoever_speaks(company: Company) -> None:
    first, second, third, *_ = company.people
    for person in (first, second, third):
        await person.join(company.channel)
    await company.settled(first, second, third)
    assert first.headset.dave.version == 1
    await company.hear_each_other(first, second, third)


@pytest.mark.parametrize("seed", range(4))
async def test_any_coming_and_going_ends_with_one_group(company: Company, seed: int) -> None:
    """Holes in the tree, people who come back before they were removed, proposals that stand no longer. Someone may
    find a Welcome for a key that they have given up, and say so by op 31: that is lawful, and mended."""
    chance = random.Random(seed)
    present: set[Person] = set()
    for _ in range(40):
        person = chance.choice(company.people)
        if person in present:
            present.discard(person)
            await person.leave()
        else:
            present.add(person)
            await person.join(company.channel)
        if chance.random() < 0.5:
            await asyncio.sleep(0)
    for person in company.people[:2]:
        if person not in present:
            present.add(person)
            await person.join(company.channel)
    await company.settled(*present)
    await company.hear_each_other(*sorted(present, key=lambda person: person.id)[:3])


async def test_a_crowd_that_comes_at_once_is_one_group() -> None:
    async with DiscordSimulator(seed=18) as discord:
        company = Company(discord, 25)
        first, second, *others = company.people
        for person in (first, second):
            await person.join(company.channel)
        await company.settled(first, second)
        await asyncio.gather(*(person.join(company.channel) for person in others))
        await company.settled(*company.people)
        await company.people[-1].speak(tone(0.2, 500))
        for person in company.people[:-1]:
            heard = person.heard(company.people[-1].id)
            assert heard.undecryptable(0) == 0
            assert pitch(heard.pcm()) == pytest.approx(500, abs=15)


async def test_who_leaves_before_being_added_is_not_added(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their proposal is revoked, and the next commit is made without it."""
    first, second, third, fourth, *_ = company.people
    for person in (first, second):
        await person.join(company.channel)
    await company.settled(first, second)
    consider = company.group._consider
    considered: asyncio.Queue[object] = asyncio.Queue()

    async def hold(*commit: object) -> None:
        await considered.put(commit)

    monkeypatch.setattr(company.group, "_consider", hold)
    await third.join(company.channel)
    await considered.get()
    await third.leave()
    monkeypatch.setattr(company.group, "_consider", consider)
    await fourth.join(company.channel)
    await company.settled(first, second, fourth)
    await company.hear_each_other(first, second, fourth)


async def test_a_downgrade_and_an_upgrade_are_followed(company: Company) -> None:
    first, second, third, *_ = company.people
    third.dave_version = 0
    for person in (first, second):
        await person.join(company.channel)
    await company.settled(first, second)
    await third.join(company.channel)
    await company.discord.journal.first(DaveExecuted, lambda event: event.version == 0)
    assert first.headset.dave.version == 0
    await company.hear_each_other(first, second, third)
    await third.leave()
    await company.settled(first, second)
    assert first.headset.dave.version == 1
    await company.hear_each_other(first, second)


async def test_a_new_group_in_the_middle_of_a_call_is_followed(company: Company) -> None:
    first, second, *_ = company.people
    for person in (first, second):
        await person.join(company.channel)
    await company.settled(first, second)
    since = company.discord.journal.mark()
    await company.group.renew()
    await company.discord.journal.first(DaveExecuted, lambda event: event.epoch == 1, since=since)
    await company.hear_each_other(first, second)


async def test_the_last_one_can_be_downgraded_and_is_upgraded_by_the_next(company: Company) -> None:
    first, second, *_ = company.people
    company.discord.voice.faults.sole_member_downgrades = True
    for person in (first, second):
        await person.join(company.channel)
    await company.settled(first, second)
    await second.leave()
    await company.discord.journal.first(DaveExecuted, lambda event: event.version == 0)
    since = company.discord.journal.mark()
    await second.join(company.channel)
    await company.discord.journal.first(DaveExecuted, lambda event: len(event.members) == 2, since=since)
    await company.hear_each_other(first, second)
