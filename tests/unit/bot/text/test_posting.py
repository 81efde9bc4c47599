"""A growing answer on paper: the newest state, at an allowed pace, and the last one always."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.text.posting import EDIT_EVERY_SECONDS, FIRST_EDIT_AFTER_SECONDS, EditPace, Post
from bot.text.splitting import LONGEST_MESSAGE
from bot.text.writing import CannotWrite, nonce_of

TURN = "0123456789abcdef0123456789abcdef"


@dataclass
class FakePaper:
    """Keeps what stands there and every request. ``gate`` holds requests back, as a rate limit does."""

    messages: dict[int, str] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    nonces: list[str] = field(default_factory=list)
    refuses: CannotWrite | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.gate.set()

    async def post(self, content: str, nonce: str) -> int:
        await self._request("post", content)
        self.nonces.append(nonce)
        self.messages[len(self.nonces)] = content
        return len(self.nonces)

    async def edit(self, message_id: int, content: str) -> None:
        await self._request("edit", content)
        self.messages[message_id] = content

    async def delete(self, message_id: int) -> None:
        await self._request("delete", "")
        del self.messages[message_id]

    @property
    def texts(self) -> list[str]:
        return list(self.messages.values())

    async def _request(self, kind: str, content: str) -> None:
        self.requests.append((kind, content))
        self.asked.put_nowait(kind)
        await self.gate.wait()
        if self.refuses:
            raise self.refuses


@asynccontextmanager
async def posting(paper: FakePaper, pace: EditPace | None = None) -> AsyncIterator[Post]:
    async with Post(paper, TURN, pace or EditPace(), asyncio.Event()) as post:
        yield post


async def test_first_words_are_posted_at_once_and_last_words_are_not_paced() -> None:
    paper, begun = FakePaper(), asyncio.Event()
    async with Post(paper, TURN, EditPace(clock=lambda: 0.0), begun) as post:
        post.show("Main")
        await begun.wait()
        assert paper.texts == ["Main"]
        post.show("Main theek")
        await post.finish("Main theek hoon.")
    assert paper.requests == [("post", "Main"), ("edit", "Main theek hoon.")]


async def test_what_grows_while_a_request_is_held_back_is_shown_in_one_edit() -> None:
    paper = FakePaper()
    paper.gate.clear()
    async with posting(paper) as post:
        post.show("a")
        await paper.asked.get()
        for count in range(2, 50):
            post.show("a" * count)
        finishing = asyncio.create_task(post.finish("a" * 50))
        await asyncio.sleep(0)
        paper.gate.set()
        await finishing
    assert paper.requests == [("post", "a"), ("edit", "a" * 50)]


async def test_an_answer_that_is_whole_at_once_is_one_request() -> None:
    paper = FakePaper()
    async with posting(paper) as post:
        await post.finish("haan")
    assert paper.requests == [("post", "haan")]


async def test_the_same_text_again_asks_for_nothing() -> None:
    paper = FakePaper()
    async with posting(paper) as post:
        post.show("haan")
        await paper.asked.get()
        await post.finish("haan ")
    assert paper.requests == [("post", "haan")]


async def test_a_long_text_goes_on_in_further_messages_with_nonces_of_their_own() -> None:
    paper = FakePaper()
    text = " ".join(f"word{number}" for number in range(900))
    async with posting(paper) as post:
        await post.finish(text)
    assert " ".join(paper.texts) == text
    assert all(len(part) <= LONGEST_MESSAGE for part in paper.texts)
    assert paper.nonces == [nonce_of(TURN, part) for part in range(len(paper.texts))]


async def test_a_text_that_got_shorter_leaves_no_message_behind() -> None:
    paper = FakePaper()
    async with posting(paper) as post:
        post.show("x " * 1_500)
        assert [await paper.asked.get() for _ in range(2)] == ["post", "post"]
        await post.finish("short after all")
    assert paper.texts == ["short after all"]
    assert paper.requests[-1][0] == "delete"


async def test_nothing_to_say_posts_nothing() -> None:
    paper = FakePaper()
    async with posting(paper) as post:
        await post.finish(" ")
    assert not paper.requests


async def test_who_may_not_write_is_told_once_and_asks_no_more() -> None:
    paper = FakePaper(refuses=CannotWrite("forbidden", "50013"))
    async with posting(paper) as post:
        post.show("Main")
        await post.has_failed.wait()
        post.show("Main theek")
        with pytest.raises(CannotWrite):
            await post.finish("Main theek hoon.")
    assert len(paper.requests) == 1


async def test_leaving_it_ends_its_task() -> None:
    paper = FakePaper()
    before = asyncio.all_tasks()
    async with posting(paper) as post:
        post.show("never finished")
        await paper.asked.get()
    assert asyncio.all_tasks() == before


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_edits_of_one_channel_take_turns() -> None:
    clock = Clock()
    pace = EditPace(clock)
    assert [pace.reserve() for _ in range(3)] == [0.0, EDIT_EVERY_SECONDS, 2 * EDIT_EVERY_SECONDS]
    clock.now += 10
    assert pace.reserve() == 0.0


def test_the_first_edit_keeps_a_distance_from_the_first_words() -> None:
    pace = EditPace(Clock())
    pace.posted()
    assert pace.reserve() == pytest.approx(FIRST_EDIT_AFTER_SECONDS)


def test_edits_leave_room_for_last_words_within_discord_s_limit() -> None:
    assert 5 / EDIT_EVERY_SECONDS <= 4
