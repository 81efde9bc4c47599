"""One race: engines start one after the other, the first with something usable answers, the others are stopped.

Knows nothing of models, providers or health; ``Line`` decides who comes next. Belongs to the thread that runs it.
"""

import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final, Literal, Protocol

from workers.errors import BadInput, EngineError, EngineTimeout, NoWords
from workers.failover.contender import Attempt, Contender, Ended, Event, Failed, Made, Stumbled

LOOK_UP_SECONDS: Final = 0.05
"""How often whoever waits may look whether the answer is still wanted."""
MOST_CLOUDS: Final = 3
PLACE_SECONDS: Final = 1.7
"""Of no sign of life, until a cloud gives its place to another one, when all places are taken; and from one that does
so to the next: where all are slow, somebody must be waited for. Behind one that fell silent in the middle of its answer
(``cloud.LONGEST_SILENCE_SECONDS``), it stays below the three seconds in which people are to hear more."""
LONGEST_LATER_HEAD_START_SECONDS: Final = 1.0
"""Somebody has been waiting in vain already: a second and a third that hang must not take their whole time, too."""

type Because = Literal["start", "failed", "slow", "late"]
"""Why another one is asked: ``slow`` beside those who run, ``late`` in the place of one of them."""


class Line[Request, Item](Protocol):
    """Who is next."""

    def next(self, because: Because, *, clouds_allowed: bool) -> Contender[Request, Item] | None: ...


class Lost(Exception):
    """Nobody had anything usable."""

    def __init__(self, causes: list[EngineError]) -> None:
        super().__init__("; ".join(dict.fromkeys(map(str, causes))) or "no engine is left")
        self.causes = causes


class Broke(Exception):
    """The one that answered died in the middle."""

    def __init__(self, engine: str, error: EngineError) -> None:
        super().__init__(str(error))
        self.engine = engine
        self.error = error


@dataclass(slots=True, eq=False)
class _Runner[Request, Item]:
    contender: Contender[Request, Item]
    started_at: float
    attempt: Attempt | None = None
    held: list[Item] = field(default_factory=list)
    sign_of_life_at: float = 0.0
    has_stumbled: bool = False
    has_ended: bool = False


class Race[Request, Item]:
    """Run once. ``is_usable`` tells whether what somebody has made so far, or in all, when its second argument says so,
    is worth to answer with."""

    def __init__(
        self,
        line: Line[Request, Item],
        request: Request,
        *,
        is_usable: Callable[[Sequence[Item], bool], bool],
        longest_head_start_seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line = line
        self._request = request
        self._is_usable = is_usable
        self._longest_head_start_seconds = longest_head_start_seconds
        self._clock = clock
        self._events: SimpleQueue[tuple[Attempt, Event[Item]]] = SimpleQueue()
        self._runners: list[_Runner[Request, Item]] = []
        self._causes: list[EngineError] = []
        self._next_start_at = 0.0
        self._next_place_at = 0.0

    def run(self) -> Generator[Item | None]:
        """What the winner makes; None now and then while there is nothing. Closing it stops everybody.

        Raises Lost when nobody answered, Broke when the winner died, BadInput when no engine can help."""
        winner: _Runner[Request, Item] | None = None
        try:
            winner = yield from self._first_usable()
            self._stop_all_but(winner)
            yield from winner.held
            yield from self._relay(winner)
        finally:
            self._stop_all_but(winner)
            if winner is not None and winner.attempt is not None:
                winner.attempt.stop("enough")

    def _first_usable(self) -> Generator[None, None, _Runner[Request, Item]]:
        self._start_next("start")
        while self._runners:
            found = self._wait(self._next_start_at)
            if found is None:
                self._drop_silent()
                if self._clock() >= self._next_start_at:
                    self._start_next("slow")
            elif self._took_lead(*found):
                return found[0]
            yield None
        raise Lost(self._causes)

    def _took_lead(self, runner: _Runner[Request, Item], event: Event[Item]) -> bool:
        """Whether the runner has something usable now. Starts another one when this one is in trouble."""
        match event:
            case Made(item):
                runner.held.append(item)
                return self._is_usable(runner.held, False)
            case Stumbled(error):
                self._causes.append(error)
                if not runner.has_stumbled:
                    runner.has_stumbled = True
                    self._start_next("failed")
            case Failed(error):
                self._drop(runner, error)
            case Ended():
                runner.has_ended = bool(runner.held) and self._is_usable(runner.held, True)
                if not runner.has_ended:
                    self._drop(runner, NoWords(runner.contender.name))
                return runner.has_ended
        return False

    def _drop(self, runner: _Runner[Request, Item], error: EngineError) -> None:
        self._runners.remove(runner)
        if isinstance(error, BadInput):
            raise error
        self._causes.append(error)
        # Whoever stumbled before was replaced then; but nobody may have been there.
        if not runner.has_stumbled or not self._runners:
            self._start_next("failed")

    def _drop_silent(self) -> None:
        """Whoever began and then said nothing for too long is dead, as a winner would be."""
        for runner in list(self._runners):
            if runner.held and self._is_silent(runner) and self._is_usable(runner.held, True):
                self._drop(runner, self._given_up_as_silent(runner))

    def _is_silent(self, runner: _Runner[Request, Item]) -> bool:
        return self._clock() - runner.sign_of_life_at >= runner.contender.longest_silence_seconds

    @staticmethod
    def _given_up_as_silent(runner: _Runner[Request, Item]) -> EngineError:
        contender = runner.contender
        silence = f"silent for {contender.longest_silence_seconds:g} s in the middle of its answer"
        error = EngineTimeout(contender.name, silence)
        if runner.attempt is not None:
            runner.attempt.stop(error)
        return error

    def _relay(self, winner: _Runner[Request, Item]) -> Generator[Item | None]:
        while not winner.has_ended:
            found = self._wait(winner.sign_of_life_at + winner.contender.longest_silence_seconds)
            match found:
                case None if self._is_silent(winner):
                    raise Broke(winner.contender.name, self._given_up_as_silent(winner))
                case (_, Made(item)):
                    yield item
                case (_, Failed(error)):
                    raise Broke(winner.contender.name, error)
                case (_, Ended()):
                    return
                case _:
                    yield None

    def _wait(self, until: float) -> tuple[_Runner[Request, Item], Event[Item]] | None:
        """The next event of somebody who is still running; None after LOOK_UP_SECONDS, or at ``until``."""
        patience = min(LOOK_UP_SECONDS, max(0.0, until - self._clock()))
        try:
            attempt, event = self._events.get(timeout=patience)
        except Empty:
            return None
        for runner in self._runners:
            if runner.attempt is attempt:
                runner.sign_of_life_at = self._clock()
                return runner, event
        return None

    def _start_next(self, because: Because) -> None:
        """Ask the next one, if there is one; its head start begins now."""
        clouds = [runner for runner in self._runners if runner.contender.is_cloud]
        has_room = len(clouds) < MOST_CLOUDS
        contender = self._line.next(because, clouds_allowed=has_room)
        if contender is None and because == "slow" and not has_room:
            contender = self._in_place_of_one(clouds)
        now = self._clock()
        if contender is None:
            self._next_start_at = now + LOOK_UP_SECONDS
            return
        longest = self._longest_head_start_seconds
        if because != "start":
            longest = min(longest, LONGEST_LATER_HEAD_START_SECONDS)
        self._next_start_at = now + min(contender.head_start_seconds, longest)
        runner = _Runner(contender, started_at=now, sign_of_life_at=now)
        self._runners.append(runner)
        runner.attempt = contender.start(self._request, self._post)

    def _in_place_of_one(self, clouds: list[_Runner[Request, Item]]) -> Contender[Request, Item] | None:
        """All that may be asked at once are: three silent providers must not keep a fourth from answering. Who
        stumbled has failed, and gives its place to whoever is asked after a failure; else who was silent for longest,
        to somebody who is well."""
        now = self._clock()
        stumbled = [each for each in clouds if each.has_stumbled]
        late = [each for each in clouds if now - each.sign_of_life_at >= PLACE_SECONDS and now >= self._next_place_at]
        given_up = min(stumbled or late, key=lambda each: each.sign_of_life_at, default=None)
        if given_up is None or given_up.attempt is None:
            return None
        contender = self._line.next("failed" if stumbled else "late", clouds_allowed=True)
        if contender is None:
            return None
        if not stumbled:
            self._next_place_at = now + PLACE_SECONDS
        self._runners.remove(given_up)
        silence = f"no words in {now - given_up.started_at:.1f} s"
        self._causes.append(EngineTimeout(given_up.contender.name, silence))
        given_up.attempt.stop("lost")
        return contender

    def _post(self, attempt: Attempt, event: Event[Item]) -> None:
        self._events.put((attempt, event))

    def _stop_all_but(self, winner: _Runner[Request, Item] | None) -> None:
        for runner in self._runners:
            if runner is not winner and runner.attempt is not None:
                runner.attempt.stop("lost")
        self._runners = [runner for runner in self._runners if runner is winner]
