"""Who has the floor: what she does when people talk while she answers. Pure: events go in, actions come out.

She falls silent for whoever begins to speak; what they said decides. A backchannel, a cough or a false start, and she
goes on; words for her end her answer and are answered; a word like "ruko" ends it and she stays quiet. In a group,
words between others let her go on, and who spoke to somebody else doesn't silence her again during this answer. Who
began before her answer's first sound is let finish, but ends nothing: two who speak at once are two turns.
"""

from dataclasses import dataclass
from enum import Enum, auto, unique

from bot.interjections import Interjection


@dataclass(frozen=True, slots=True)
class Thinking:
    """She has begun with an answer, and not a sound of it was heard yet. ``user_id``: whom she answers, if anybody."""

    user_id: int | None


@dataclass(frozen=True, slots=True)
class Speaking:
    """Her answer begins to be heard."""


@dataclass(frozen=True, slots=True)
class Silent:
    """She has nothing to say (any more)."""


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody began to speak. ``talk`` numbers what they say until it is over."""

    talk: int
    user_id: int


@dataclass(frozen=True, slots=True)
class WentOn:
    """Somebody paused, and went on speaking."""

    talk: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What somebody said is answered without a look at it: nothing stood in its way."""

    talk: int


@dataclass(frozen=True, slots=True)
class Understood:
    """What somebody said so far, or, with ``is_over``, all that they said."""

    talk: int
    kind: Interjection
    is_for_her: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """What was said is not known in time; it may be yet."""

    talk: int


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody wrote where she reads."""

    user_id: int
    kind: Interjection
    is_for_her: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """A false start, or somebody left or may not be heard any more: what they began to say won't be known."""

    talk: int


type FloorEvent = Thinking | Speaking | Silent | Began | WentOn | Taken | Understood | NotUnderstood | Typed | Gone


@unique
class Action(Enum):
    PAUSE = auto()
    """Be silent from the next frame on."""
    RESUME = auto()
    """Go on with the very next frame."""
    END = auto()
    """This answer is over; what waits behind it is not."""
    HUSH = auto()
    """Everything is over that she was going to say."""
    ANSWER = auto()
    """Answer what was just understood."""
    IGNORE = auto()
    """Leave it alone."""


@unique
class _Phase(Enum):
    SILENT = auto()
    THINKING = auto()
    SPEAKING = auto()


@dataclass(slots=True)
class _Talk:
    """What somebody is saying."""

    user_id: int
    over: int | None
    """The answer that it interrupts."""
    began_in_silence: bool
    holds: bool = True
    """She is not to speak because of it."""
    is_for_her: bool = False
    has_ended_her: bool = False


class Floor:
    """One room's. Feed everything that happens, in order; carry out what comes back, in order."""

    def __init__(self) -> None:
        self._phase = _Phase.SILENT
        self._answer = 0
        self._answered: int | None = None
        self._is_paused = False
        self._talks: dict[int, _Talk] = {}
        self._passed_over: set[int] = set()
        """Who spoke to somebody else during this answer."""

    @property
    def is_free(self) -> bool:
        """She neither speaks nor is about to."""
        return self._phase is _Phase.SILENT

    @property
    def is_paused(self) -> bool:
        return self._is_paused

    def began_in_silence(self, talk: int) -> bool:
        """Whether it began when she had nothing to say."""
        known = self._talks.get(talk)
        return known is None or known.began_in_silence

    def take(self, event: FloorEvent) -> list[Action]:
        match event:
            case Thinking(user_id):
                self._begin(user_id)
            case Speaking():
                self._phase = _Phase.SPEAKING
            case Silent():
                self._fall_silent()
            case Began(talk, user_id):
                self._talks[talk] = self._new_talk(user_id)
            case WentOn(talk):
                self._hold(talk)
            case Taken(talk) | Gone(talk):
                self._talks.pop(talk, None)
            case NotUnderstood(talk):
                self._release(talk)
            case Typed():
                return self._typed(event)
            case Understood():
                return self._understood(event)
        return self._balance()

    def _begin(self, user_id: int | None) -> None:
        self._phase = _Phase.THINKING
        self._answer += 1
        self._answered = user_id
        self._is_paused = False
        self._passed_over.clear()

    def _fall_silent(self) -> None:
        self._phase, self._answered, self._is_paused = _Phase.SILENT, None, False

    def _new_talk(self, user_id: int) -> _Talk:
        """Before her first sound only the person whom she answers interrupts her."""
        is_speaking = self._phase is _Phase.SPEAKING
        interrupts = is_speaking or (self._phase is _Phase.THINKING and user_id == self._answered)
        return _Talk(
            user_id,
            over=self._answer if interrupts else None,
            began_in_silence=self._phase is _Phase.SILENT,
            holds=user_id not in self._passed_over,
        )

    def _hold(self, talk: int) -> None:
        if known := self._talks.get(talk):
            known.holds = known.user_id not in self._passed_over

    def _release(self, talk: int) -> None:
        if known := self._talks.get(talk):
            known.holds = False

    def _balance(self) -> list[Action]:
        """She is paused exactly as long as somebody has the floor."""
        is_held = self._phase is _Phase.SPEAKING and any(talk.holds for talk in self._talks.values())
        if is_held == self._is_paused:
            return []
        self._is_paused = is_held
        return [Action.PAUSE if is_held else Action.RESUME]

    def _typed(self, typed: Typed) -> list[Action]:
        if typed.kind is Interjection.STOP and self._phase is not _Phase.SILENT:
            self._fall_silent()
            return [Action.HUSH]
        is_for_her = typed.is_for_her or typed.user_id == self._answered
        if typed.kind is Interjection.WORDS and is_for_her and self._phase is _Phase.SPEAKING:
            self._fall_silent()
            return [Action.END]
        return []

    def _understood(self, said: Understood) -> list[Action]:
        talk = self._talks.get(said.talk)
        if talk is None:  # who said it has left, or may not be heard any more
            return [Action.IGNORE] if said.is_over else []
        talk.is_for_her |= said.is_for_her or (talk.user_id == self._answered and talk.over == self._answer)
        actions = self._effect(talk, said.kind)
        is_to_others = said.kind is Interjection.WORDS and not talk.is_for_her
        if is_to_others and self._phase is _Phase.SPEAKING:
            self._pass_over(talk.user_id)
        if not said.is_over:
            talk.holds &= said.kind in {Interjection.WORDS, Interjection.STOP} and talk.is_for_her
            return actions + self._balance()
        del self._talks[said.talk]
        if _is_answered(talk, said.kind):
            return [*actions, Action.ANSWER, *self._balance()]
        return [*actions, Action.IGNORE, *self._balance()]

    def _pass_over(self, user_id: int) -> None:
        """They speak to somebody else: neither what they are saying nor what follows silences her."""
        self._passed_over.add(user_id)
        for talk in self._talks.values():
            talk.holds &= talk.user_id != user_id

    def _effect(self, talk: _Talk, kind: Interjection) -> list[Action]:
        """What it does to her present answer. Anybody who speaks over her may silence her."""
        is_over_her = talk.over == self._answer and self._phase is not _Phase.SILENT
        if kind is Interjection.STOP and (is_over_her or (talk.is_for_her and not talk.has_ended_her)):
            talk.has_ended_her = True
            self._fall_silent()
            return [Action.HUSH]
        if kind is Interjection.WORDS and talk.is_for_her and is_over_her:
            talk.has_ended_her = True
            self._fall_silent()
            return [Action.END]
        return []


def _is_answered(talk: _Talk, kind: Interjection) -> bool:
    """A backchannel to what she says is no question, but "haan" in a silence answers hers."""
    if kind is Interjection.BACKCHANNEL:
        return talk.is_for_her and talk.over is None
    return talk.is_for_her and kind is Interjection.WORDS
