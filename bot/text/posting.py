"""One answer as Discord messages: the first words at once, the rest edited in at a pace that Discord allows.

Knows nothing of turns. However fast the text grows, one request is on its way, and the next shows the newest state;
the last state always arrives.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Self

from bot.text.splitting import split
from bot.text.writing import MOST_PARTS, CannotWrite, Paper, nonce_of

EDIT_EVERY_SECONDS: Final = 1.25
"""Discord takes five edits in five seconds a channel. Four show growing answers; the fifth is for last words."""
FIRST_EDIT_AFTER_SECONDS: Final = 0.6
"""Sooner than this after the first words an edit shows hardly more of them."""


class EditPace:
    """When a growing answer may be edited, for all answers of one channel together."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at = 0.0

    def reserve(self) -> float:
        """Take the next free moment. Returns the seconds until then."""
        now = self._clock()
        moment = max(now, self._free_at)
        self._free_at = moment + EDIT_EVERY_SECONDS
        return moment - now

    def posted(self) -> None:
        """A new message shows all there is."""
        self._free_at = max(self._free_at, self._clock() + FIRST_EDIT_AFTER_SECONDS)


@dataclass(slots=True)
class Written:
    """A message as it stands on Discord."""

    id: int
    content: str


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done next to make Discord show the text."""

    kind: Literal["post", "edit", "delete"]
    part: int
    content: str


class Post:
    """Use as an async context manager. ``show`` as often as you like, ``finish`` once. One event loop."""

    def __init__(self, paper: Paper, turn_id: str, pace: EditPace, has_begun: asyncio.Event) -> None:
        self._has_begun = has_begun
        """Set once the first words stand there."""
        self.has_failed: Final = asyncio.Event()
        """Set when nothing more can be written; ``finish`` says why."""
        self._paper = paper
        self._turn_id = turn_id
        self._pace = pace
        self._parts: list[str] = []
        self._is_final = False
        self._has_changed = asyncio.Event()
        self._is_hurried = asyncio.Event()
        self._written: list[Written] = []
        self._trouble: CannotWrite | None = None
        self._scribe: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._scribe = asyncio.create_task(self._write(), name=f"post-{self._turn_id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._scribe is not None:
            self._scribe.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._scribe

    @property
    def standing(self) -> str:
        """What can be read on Discord, as far as she knows."""
        return "\n".join(written.content for written in self._written)

    def show(self, text: str) -> None:
        """This is the text so far. Returns at once."""
        self._parts = split(text)[:MOST_PARTS]
        self._has_changed.set()

    async def finish(self, text: str) -> None:
        """This is the whole text. Returns once Discord shows it. Raises CannotWrite."""
        self._is_final = True
        self._is_hurried.set()
        self.show(text)
        assert self._scribe is not None, "use it as a context manager"
        await asyncio.shield(self._scribe)  # whoever is cancelled here may still have last words
        if self._trouble is not None:
            raise self._trouble

    async def _write(self) -> None:
        try:
            while not (self._is_final and self._next_step() is None):
                if self._next_step() is None:
                    await self._has_changed.wait()
                self._has_changed.clear()
                await self._write_newest()
        except CannotWrite as error:
            self._trouble = error
            self.has_failed.set()

    async def _write_newest(self) -> None:
        step = self._next_step()
        if step is not None and step.kind == "edit" and not self._is_final:
            await self._wait(self._pace.reserve())
            step = self._next_step()
        if step is not None:
            await self._take(step)

    async def _wait(self, seconds: float) -> None:
        """Or until these are the last words."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_hurried.wait()

    def _next_step(self) -> Step | None:
        """From the first message to the last, so that no word is seen twice or before its time."""
        for part, content in enumerate(self._parts):
            if part == len(self._written):
                return Step("post", part, content)
            if self._written[part].content != content:
                return Step("edit", part, content)
        if self._is_final and len(self._written) > len(self._parts):
            return Step("delete", len(self._written) - 1, "")
        return None

    async def _take(self, step: Step) -> None:
        """Raises CannotWrite."""
        match step.kind:
            case "post":
                id_ = await self._paper.post(step.content, nonce_of(self._turn_id, step.part))
                self._written.append(Written(id_, step.content))
                self._pace.posted()
                self._has_begun.set()
            case "edit":
                await self._paper.edit(self._written[step.part].id, step.content)
                self._written[step.part].content = step.content
            case "delete":
                await self._paper.delete(self._written.pop().id)
