"""Every key in Redis, named in one place, with how long it lives and who writes it."""

from typing import Final

AUDIO_SECONDS: Final = 120
"""Speech in and out: longer than any turn, short enough that nobody's voice stays."""

TURN_SECONDS: Final = 180
"""State of one turn, kept until no redelivery of its messages can come any more."""

REPLY_STREAM_SECONDS: Final = 300
"""A reply stream outlives a restart of its reader, not its death."""

HISTORY_SECONDS: Final = 30 * 24 * 3600
"""A conversation is forgotten this long after its last turn."""

PRESENCE_MILLISECONDS: Final = 2_000
"""A worker that has not said so for this long is not there."""

ENGINE_SECONDS: Final = 7 * 24 * 3600
"""What is known of an engine that nobody asks any more, such as which model took a retired one's place."""

REQUESTS_SECONDS: Final = 26 * 3600
"""A little more than the longest limit."""

SPENDING_SECONDS: Final = 48 * 3600

SET_ASIDE_SECONDS: Final = 120
"""Longer than any call: what was set aside for one and never given back counts as spent then."""

ANNOUNCED_SECONDS: Final = 90
"""A worker that has not said so for this long offers its engines no more."""

CACHED_SPEECH_SECONDS: Final = 30 * 24 * 3600

CACHED_SPEECH: Final = "cached-speech"
"""Hash ``voice/text``: recordings of what she must be able to say without an engine; see tasks/cached_speech.py.
Written by whichever synthesize worker rehearses, bounded there. CACHED_SPEECH_SECONDS."""

REHEARSING: Final = "rehearsing"
"""Lock: the worker that speaks ahead now. Half a minute, renewed with every text."""

CANCELLED_CHANNEL: Final = "cancelled"
"""Publish/subscribe: ids of turns that nobody waits for any more."""


def speech(turn: str) -> str:
    """Blob: what the person said, 16 kHz mono int16 PCM. Written by the process that asks, see tasks/speech.py."""
    return f"audio:{turn}:in"


SPEECH_IS_HERE: Final = "speech-is-here"
"""Exists while any ``speech`` does. Written with it."""


def pieces(turn: str) -> str:
    """Hash: number of a piece of a long recording to what was heard in it, and ``told``: see tasks/recording.py.
    Written by transcribe."""
    return f"pieces:{turn}"


def segment(turn: str, index: int) -> str:
    """Blob: Opus packets of one sentence. Written by synthesize."""
    return f"audio:{turn}:{index}"


def segment_beginning(turn: str, index: int) -> str:
    """Blob: the first Opus packets of one sentence. Written by synthesize before ``segment``."""
    return f"audio:{turn}:{index}:beginning"


def cancelled(turn: str) -> str:
    """Exists once the turn is cancelled."""
    return f"cancelled:{turn}"


def commitment(turn: str) -> str:
    """Hash ``transcript``, ``commit``: see tasks/commitment.py."""
    return f"commitment:{turn}"


def answer(turn: str) -> str:
    """Hash: the answer's owner and sentences: see tasks/answer.py. Written by generate."""
    return f"answer:{turn}"


def deliveries(stage: str, turn: str, part: int | None) -> str:
    """How often a message was delivered to a worker."""
    return f"deliveries:{stage}:{turn}" if part is None else f"deliveries:{stage}:{turn}:{part}"


def history(conversation: str) -> str:
    """Hash: turn id to what was said and answered. Written by generate, corrected by the process that asks."""
    return f"history:{conversation}"


def heard(turn: str) -> str:
    """What was heard of an interrupted answer: see tasks/history.py. Written by the process that asks."""
    return f"heard:{turn}"


def workers(stage: str) -> str:
    """Set: names of a stage's workers, among them dead ones. Each worker puts its own down with its presence."""
    return f"workers:{stage}"


def presence(stage: str, worker: str) -> str:
    """JSON: that a worker of this stage is alive, and what it does. Written by the worker twice a second."""
    return f"worker:{stage}:{worker}"


# What is known of engines: see tasks/ledger.py. All workers of a stage write it; behind ``name`` stands that of its
# machine when it is known only there.


def engine(stage: str, name: str) -> str:
    """Hash: how it does, how long it rests and why, what it told of its limits. ENGINE_SECONDS."""
    return f"engine:{stage}:{name}"


def requests(stage: str, name: str) -> str:
    """Hash: slice of time to requests in it. REQUESTS_SECONDS."""
    return f"requests:{stage}:{name}"


def breaker(stage: str, name: str) -> str:
    """What pybreaker's keys begin with. ENGINE_SECONDS."""
    return f"breaker:{stage}:{name}"


def probing(stage: str, name: str) -> str:
    """The worker that probes it now. As long as a probe may take."""
    return f"probing:{stage}:{name}"


def announced(stage: str) -> str:
    """Hash: worker to the engines that it can ask, and until when that holds. ANNOUNCED_SECONDS."""
    return f"announced:{stage}"


SPENDING: Final = "spending"
"""Hash: what all engines of all stages cost and made today. SPENDING_SECONDS."""

SET_ASIDE: Final = "set-aside"
"""Sorted set: calls that run and what each may cost, by when that counts as spent. SPENDING_SECONDS."""
