"""What she writes where she can't say it."""

from typing import cast

import aiohttp
import nextcord

from bot.text.splitting import LONGEST_MESSAGE
from bot.voice.writing import write_in


class Place:
    def __init__(self, error: Exception | None = None) -> None:
        self.written: list[str] = []
        self._error = error

    async def send(self, text: str, *, allowed_mentions: nextcord.AllowedMentions) -> None:
        if self._error is not None:
            raise self._error
        assert not allowed_mentions.everyone
        self.written.append(text)


async def test_a_long_answer_is_written_in_parts() -> None:
    place = Place()
    await write_in(cast("nextcord.abc.Messageable", place), "word " * 500)
    assert len(place.written) == 2
    assert max(map(len, place.written)) <= LONGEST_MESSAGE
    assert " ".join(place.written).split() == ["word"] * 500


async def test_a_lost_connection_is_no_accident() -> None:
    await write_in(cast("nextcord.abc.Messageable", Place(aiohttp.ClientConnectionError())), "a word")
