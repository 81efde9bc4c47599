"""What she has to say, when it is ended, given up, or asked for too late."""

import asyncio

import pytest

from bot.interjections import Interjection
from bot.turns import Happening, LiveTurn, Turns, Who
from bot.voice.agenda import ONE_QUESTION_SECONDS, Agenda
from bot.voice.barge_in import Began, Understood
from bot.voice.reply import Reply
from tasks.dispatch import NotSent

ASHA = 1


class Watcher:
    def reply_heard(self, reply: Reply) -> None: ...

    def reply_sounds(self, reply: Reply) -> None: ...

    def reply_troubled(self, reply: Reply, trouble: Happening | NotSent) -> None: ...

    def reply_whole(self, reply: Reply) -> None: ...


class Scene:
    def __init__(self) -> None:
        self.hushed: list[Reply] = []
        self.agenda = Agenda(lambda: None, lambda _: None, self.hushed.append)
        self._turns = Turns("redis://127.0.0.1:1", request_seconds=1)

    def reply(self, *, is_wanted: bool = True) -> Reply:
        """One whose turn is never sent."""
        return Reply(Who("1", "Asha", "c"), ASHA, never_sent, self._turns, Watcher(), is_wanted=is_wanted)

    def cut_off(self) -> tuple[Reply, float]:
        """An answer that its asker ended before a sound of it was heard, and when."""
        reply = self.reply()
        self.agenda.add(reply)
        self.agenda.advance()
        self.agenda.tell(Began(1, ASHA))
        self.agenda.tell(Understood(1, Interjection.WORDS, is_for_her=True, is_over=False))
        return reply, asyncio.get_running_loop().time()


async def never_sent() -> LiveTurn:
    await asyncio.Event().wait()
    raise AssertionError


async def test_who_goes_on_at_once_asks_one_question() -> None:
    scene = Scene()
    reply, at = scene.cut_off()
    assert scene.agenda.take_unheard(ASHA, at + 1) is reply
    await scene.agenda.idle()


@pytest.mark.parametrize("how", ["later", "hushed", "ignored"])
async def test_an_old_question_is_no_part_of_a_later_one(how: str) -> None:
    scene = Scene()
    _, at = scene.cut_off()
    if how == "hushed":
        scene.agenda.hush()
    elif how == "ignored":
        scene.agenda.forget_unheard(ASHA)
    assert scene.agenda.take_unheard(ASHA, at + (ONE_QUESTION_SECONDS + 0.1 if how == "later" else 1)) is None
    await scene.agenda.idle()


async def test_what_waits_is_told_of_when_it_is_hushed() -> None:
    scene = Scene()
    undecided = scene.reply(is_wanted=False)
    scene.agenda.add(undecided)
    assert not scene.agenda.hush()
    assert scene.hushed == [undecided]
    await scene.agenda.idle()


async def test_what_comes_after_the_end_is_given_up() -> None:
    scene = Scene()
    scene.agenda.close()
    late, first = scene.reply(), scene.reply()
    scene.agenda.add(late)
    scene.agenda.put_first(first)
    scene.agenda.advance()
    await scene.agenda.idle()
    assert scene.agenda.is_empty
    assert late.is_over.is_set()
    assert first.is_over.is_set()


async def test_nothing_takes_the_place_of_what_was_hushed() -> None:
    scene = Scene()
    old, new = scene.reply(is_wanted=False), scene.reply()
    scene.agenda.add(old)
    scene.agenda.hush()
    assert not scene.agenda.put_in_place_of(old, new)
    await scene.agenda.idle()
    assert new.is_over.is_set()


async def test_an_answer_that_is_dropped_in_its_middle_is_cut_short_and_not_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Giving it up too would close the ears of who waits for generate's last word, and history would keep it all."""
    scene, done = Scene(), []

    async def cut_short(_: Reply) -> None:
        done.append("cut short")

    async def abandon(_: Reply) -> None:
        done.append("given up")

    monkeypatch.setattr(Reply, "cut_short", cut_short)
    monkeypatch.setattr(Reply, "abandon", abandon)
    reply = scene.reply()
    scene.agenda.add(reply)
    scene.agenda.advance()
    scene.agenda.drop(reply)
    await scene.agenda.idle()
    assert done == ["cut short"]
    reply._following.cancel()
