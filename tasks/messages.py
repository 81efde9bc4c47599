"""All that travels between the rooms: small frozen values, JSON on the wire. Standard library only.

Forward messages (``Utterance``, ``SaidText``, ``Sentence``) are the arguments of tasks. Events come back on
the reply stream of the process that asked. Audio never travels in a message, only the key of a blob.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final, Literal, Self, get_args

WIRE_VERSION: Final = 3

type Wire = dict[str, Any]
StageName = Literal["transcribe", "generate", "synthesize", "upkeep"]
STAGES: Final[tuple[StageName, ...]] = get_args(StageName)


class WireError(ValueError):
    """Bytes or a dict that is no message of ours, or one of a newer version."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One person's say and Priya's answer: what is traced, timed, limited, cancelled and answered once."""

    id: str
    reply_stream: str
    """Redis stream of the process that asked; every event of the turn goes there."""
    conversation: str
    """Names the history that this turn continues."""
    speaker_id: str
    speaker_name: str
    deadline: float
    """Epoch seconds, after which an answer is worth less than silence."""
    spoken: bool = True
    """Whether the answer is to be heard; if not, nothing is synthesized."""
    voice: str = ""
    """Name of the voice that speaks it; empty, or one that no worker has, for the default."""
    language: str = ""
    """Language of the answer, ``en``, ``hi`` or ``hinglish``; anything else follows the speaker."""


@dataclass(frozen=True, slots=True)
class Work:
    """How long a stage took and where, in epoch seconds of that machine."""

    engine: str
    worker: str
    queued_at: float
    """When the message was sent to the stage."""
    started_at: float
    """When the task began."""
    model_started_at: float
    model_ended_at: float


@dataclass(frozen=True, slots=True)
class Message:
    """Base of everything on the wire: adds ``kind`` and ``version`` and checks them again."""

    kind: ClassVar[str] = ""
    kinds: ClassVar[dict[str, type["Message"]]] = {}

    turn: Turn

    def __init_subclass__(cls) -> None:
        Message.kinds[cls.kind] = cls

    def to_wire(self) -> Wire:
        return {"kind": self.kind, "version": WIRE_VERSION, **asdict(self)}

    def to_json(self) -> str:
        return json.dumps(self.to_wire(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Raises WireError when ``wire`` is not a message of this class."""
        try:
            fields = dict(wire)
            kind, version = fields.pop("kind"), fields.pop("version")
            message_type = Message.kinds[kind]
            if version > WIRE_VERSION:
                raise WireError(f"{kind} of version {version}, newer than {WIRE_VERSION}")
            fields["turn"] = Turn(**fields["turn"])
            if fields.get("work") is not None:
                fields["work"] = Work(**fields["work"])
            message = message_type(**fields)
        except (KeyError, TypeError, AttributeError) as error:
            raise WireError(f"not a message: {error!r}") from error
        if not isinstance(message, cls):
            raise WireError(f"expected {cls.__name__}, got {kind}")
        return message

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        try:
            wire = json.loads(text)
        except ValueError as error:
            raise WireError(f"not JSON: {error}") from error
        if not isinstance(wire, dict):
            raise WireError("not a JSON object")
        return cls.from_wire(wire)


# Forward: the arguments of the stages' tasks.


@dataclass(frozen=True, slots=True)
class Utterance(Message):
    """Speech to be transcribed, and answered once somebody commits to it."""

    kind: ClassVar[str] = "utterance"

    audio_key: str
    """Blob of 16 kHz mono int16 little-endian PCM."""
    seconds: float
    queued_at: float
    speculative: bool = False
    """The speaker may go on: transcribe, then wait for the commit before answering."""
    piece: int = 0
    """At which piece a later task for it goes on, if it is too long for one."""


@dataclass(frozen=True, slots=True)
class SaidText(Message):
    """What a person said or typed, to be answered; or what Priya is to say herself."""

    kind: ClassVar[str] = "said-text"

    text: str
    language: str | None
    queued_at: float
    verbatim: bool = False
    """The text is the answer: no model is asked, and no history knows of it."""


@dataclass(frozen=True, slots=True)
class Sentence(Message):
    """One speakable piece of the answer: a task for synthesis and an event for the asker alike."""

    kind: ClassVar[str] = "sentence"

    index: int
    text: str
    language: str
    queued_at: float
    emotion: str = ""
    """How it is felt, a name of config/catalogues/emotions.toml; empty for her everyday voice."""


STAGE_OF: Final[Mapping[type[Message], StageName]] = {
    Utterance: "transcribe",
    SaidText: "generate",
    Sentence: "synthesize",
}
"""Where each forward message goes: the name of the task and of its queue."""


def part_of(message: Message) -> int | None:
    """Which of several tasks of its stage for its turn the message is. None: it is the only one, or the first."""
    match message:
        case Sentence():
            return message.index
        case Utterance(piece=piece) if piece:
            return piece
        case _:
            return None


def task_id(message: Utterance | SaidText | Sentence) -> str:
    """What Celery and Flower call the message's task, so that a turn's results are found by the turn's id."""
    part = part_of(message)
    return f"{message.turn.id}.{STAGE_OF[type(message)]}" + ("" if part is None else f".{part}")


HIDDEN: Final = {"argsrepr": "what was said", "kwargsrepr": ""}
"""What Celery's events, and so Flower, show of a task's arguments."""


# Events: back to the asking process.


@dataclass(frozen=True, slots=True)
class Heard(Message):
    """The final transcript of the utterance. Empty ``text`` means that nobody said anything."""

    kind: ClassVar[str] = "heard"

    text: str
    language: str
    confidence: float
    work: Work


@dataclass(frozen=True, slots=True)
class Words(Message):
    """A few words of the answer, as they are generated, to be shown; not yet cut for speaking."""

    kind: ClassVar[str] = "words"

    text: str
    offset: int
    """Characters of the answer before these."""
    sent_at: float
    """Epoch seconds."""


@dataclass(frozen=True, slots=True)
class Segment(Message):
    """One playable piece of the answer."""

    kind: ClassVar[str] = "segment"

    index: int
    audio_key: str
    """Blob of 48 kHz Opus packets of 20 ms (see tasks/blobs.py)."""
    milliseconds: int
    work: Work


@dataclass(frozen=True, slots=True)
class SegmentBegun(Message):
    """The first packets of a long segment, so that she is heard while the rest is encoded. The ``Segment`` holds these
    packets again."""

    kind: ClassVar[str] = "segment-begun"

    index: int
    audio_key: str
    """Blob of the first packets, as of a ``Segment``."""
    milliseconds: int
    """Of the whole segment, to a frame."""
    work: Work


@dataclass(frozen=True, slots=True)
class ReplyEnded(Message):
    """The answer is whole: ``count`` sentences were sent on."""

    kind: ClassVar[str] = "reply-ended"

    count: int
    text: str
    work: Work


@dataclass(frozen=True, slots=True)
class TurnFailed(Message):
    """A stage could not do its part. Only the asker decides what Priya says about it."""

    kind: ClassVar[str] = "turn-failed"

    stage: StageName
    code: str
    detail: str
    """For logs, never for people's ears."""
    index: int | None = None
    """The sentence that can't be spoken, when the rest of the turn is fine."""


@dataclass(frozen=True, slots=True)
class TurnDropped(Message):
    """A stage left the turn alone, on purpose: ``cancelled``, ``late`` or ``nothing-heard``."""

    kind: ClassVar[str] = "turn-dropped"

    stage: StageName
    reason: str
    details: dict[str, Any] = field(default_factory=dict)


type Event = Heard | Words | Sentence | SegmentBegun | Segment | ReplyEnded | TurnFailed | TurnDropped
