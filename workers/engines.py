"""The shape of an engine at each stage, and the values that go in and come out.

An engine knows PCM and text. It has never heard of Discord, Celery, Redis or a conversation partner.
Every engine is made by a ``load`` function named in ``workers/registry.py``; what ``load`` returns is
loaded, warmed up and ready for work. Engines raise ``workers.errors.EngineError`` and nothing else.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from config.emotions import NEUTRAL, Emotion

type Pcm = npt.NDArray[np.float32]
"""Mono samples from -1 to 1, one dimension."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard in one utterance. Empty ``text`` means that nobody said anything."""

    text: str
    language: str
    """ISO 639-1 code, detected (``en``, ``hi``)."""
    confidence: float
    """0 to 1: the geometric mean of the token probabilities."""
    engine: str = ""
    """Who heard it, where several engines stand behind one name."""


class Transcriber(Protocol):
    """Turns one utterance into text. Called from one thread at a time; keeps nothing between calls."""

    @property
    def name(self) -> str: ...

    def transcribe(self, speech: Pcm, *, language: str | None = None) -> Transcript:
        """``speech`` at 16 kHz, up to 30 s. ``language`` fixes the language instead of detecting it."""
        ...


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that a language model is told: who she is, what was said so far, and how to answer."""

    id: str
    """Names the conversation, so that a model can keep its prompt cache between turns."""
    messages: tuple[ChatMessage, ...]
    """System first, then alternating, the newest last."""
    answer_so_far: str = ""
    """The beginning of the answer when it was already spoken: go on from here, don't repeat it."""
    temperature: float = 0.95
    max_tokens: int = 200
    seed: int | None = None
    language: str = ""
    """Chosen for the answer, ``en``, ``hi`` or ``hinglish``; anything else follows the speaker."""
    last_answer: str = ""
    """What she answered last, also where it is not shown among the messages: not to be said again word for word."""
    emotions_hint: str = ""
    """Goes behind the system message of models that are large enough to name the emotion of what they say."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The smallest piece of an answer as it is written, and who wrote it."""

    text: str
    """Empty: still alive (reading the prompt, queueing, waiting for another engine)."""
    engine: str


class ChatModel(Protocol):
    """Answers a conversation. May be called from many threads; queues inside if it must."""

    @property
    def name(self) -> str: ...

    def reply(self, conversation: Conversation) -> Generator[Delta]:
        """Text as it is generated. An empty delta comes now and then while there are no words, so that the caller
        can look whether the answer is still wanted. Closing the generator stops the model within one token."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """A ChatModel that can read the beginning of a prompt before the rest of it is said."""

    def read_ahead(self, conversation: Conversation) -> None:
        """Read what the prompt begins with, whatever its newest message will say. Returns soon, the sooner if somebody
        waits for an answer; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Speech:
    """One spoken sentence: mono samples at the engine's own rate."""

    pcm: Pcm
    rate_hz: int
    engine: str = ""
    """Who spoke it, where several engines stand behind one name."""


class Synthesizer(Protocol):
    """Speaks one sentence. Any thread; several may speak at once."""

    @property
    def name(self) -> str: ...

    def synthesize(self, sentence: str, *, language: str, emotion: Emotion = NEUTRAL) -> Speech:
        """``sentence`` is plain speakable text. Text with nothing to say gives no samples.

        Speech with ``emotion`` is in the same words; an engine that can't show it speaks as always."""
        ...
