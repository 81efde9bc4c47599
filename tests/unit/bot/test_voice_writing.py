"""What she writes where she can't say it."""

import uuid
from typing import Any, cast

import nextcord

from bot.text.splitting import LONGEST_MESSAGE
from bot.text.writing import CannotWrite
from bot.voice.writing import write_in


class Sheet:
    """Paper that keeps what was posted, by nonce."""

    def __init__(self, error: CannotWrite | None = None) -> None:
        self.posted: dict[str, str] = {}
        self._error = error

    async def post(self, content: str, nonce: str) -> int:
        if self._error is not None:
            raise self._error
        self.posted[nonce] = content
        return len(self.posted)

    async def edit(self, message_id: int, content: str) -> None:
        raise AssertionError("nothing is edited here")

    async def delete(self, message_id: int) -> None:
        raise AssertionError("nothing is deleted here")


async def write(sheet: Sheet, text: str, turn_id: str = "") -> None:
    async def paper_for(_: Any) -> Sheet:
        return sheet

    await write_in(cast("nextcord.abc.Messageable", None), text, turn_id, paper_for)


async def test_a_long_answer_is_written_in_parts() -> None:
    sheet = Sheet()
    await write(sheet, "word " * 500)
    written = list(sheet.posted.values())
    assert len(written) == 2
    assert max(map(len, written)) <= LONGEST_MESSAGE
    assert " ".join(written).split() == ["word"] * 500


async def test_what_is_written_of_a_turn_twice_stands_there_once() -> None:
    sheet, turn_id = Sheet(), uuid.uuid4().hex
    for _ in range(2):
        await write(sheet, "word " * 500, turn_id)
    assert len(sheet.posted) == 2


async def test_two_things_that_belong_to_no_turn_are_both_written() -> None:
    sheet = Sheet()
    for _ in range(2):
        await write(sheet, "Hmm?")
    assert len(sheet.posted) == 2


async def test_a_lost_connection_is_no_accident() -> None:
    await write(Sheet(CannotWrite("unreachable", "gone")), "a word")
