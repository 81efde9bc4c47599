"""What is known of a turn, and whether it got lost on its way. Pure: no clock, no Redis, no loop."""

import time
from dataclasses import dataclass, field
from typing import Final

from tasks.dispatch import StageLoad
from tasks.messages import (
    Event,
    Heard,
    ReplyEnded,
    SaidText,
    Segment,
    SegmentBegun,
    Sentence,
    StageName,
    Turn,
    TurnDropped,
    TurnFailed,
    Utterance,
    Words,
)

MOST_RESENDS: Final = 2
IDLE_LOOKS: Final = 2
"""A message may be between queue and worker on one look; not on two, if everybody said anew between them what they do:
what they began since is not in what they said before."""
STALE_LOOKS: Final = 5
"""After so many it is taken for lost in any case, a second after the first: who says nothing new for two renewals may
be dead, and sending it once more to somebody slow does no harm."""


@dataclass(slots=True)
class Progress:
    """One turn's events put together. A redelivery repeats events: only news changes anything."""

    turn: Turn
    utterance: Utterance | None = None
    said: SaidText | None = None
    sentences: dict[int, Sentence] = field(default_factory=dict)
    segments: dict[int, Segment | None] = field(default_factory=dict)
    """By index; None for a sentence that can't be spoken."""
    beginnings: dict[int, SegmentBegun] = field(default_factory=dict)
    """What of segments can be heard before they are whole."""
    ended: ReplyEnded | None = None
    failed: TurnFailed | None = None
    dropped: TurnDropped | None = None

    def absorb(self, event: Event) -> bool:
        """Take an event in. Returns whether it was news."""
        match event:
            case Heard():
                is_news = self.said is None
                self.said = self.said or SaidText(self.turn, event.text, event.language, queued_at=time.time())
            case Words():
                is_news = self.ended is None
            case Sentence():
                is_news = event.index not in self.sentences
                self.sentences.setdefault(event.index, event)
            case SegmentBegun():
                is_news = event.index not in self.beginnings
                self.beginnings.setdefault(event.index, event)
            case Segment():
                is_news = self.segments.get(event.index) is None
                self.segments[event.index] = self.segments.get(event.index) or event
            case ReplyEnded():
                is_news = self.ended is None
                self.ended = self.ended or event
            case TurnFailed(index=int(index)):
                is_news = index not in self.segments
                self.segments.setdefault(index, None)
            case TurnFailed():
                is_news = self.failed is None
                self.failed = self.failed or event
            case TurnDropped():
                is_news = self.dropped is None
                self.dropped = self.dropped or event
        return is_news

    @property
    def is_over(self) -> bool:
        """Nothing more will come. A failed answer is over when what was written before is spoken."""
        if self.dropped is not None:
            return True
        is_heard = self.utterance is None or self.said is not None
        is_answered = is_heard and self.ended is not None and len(self.sentences) >= self.ended.count
        return (self.failed is not None or is_answered) and not self.unspoken()

    def unspoken(self) -> list[Sentence]:
        """Sentences whose sound is still to come, in order."""
        if not self.turn.spoken:
            return []
        return [sentence for index, sentence in sorted(self.sentences.items()) if index not in self.segments]

    def awaited(self) -> list[StageName]:
        """The stages that owe us something."""
        stages: list[StageName] = []
        if self.utterance is not None and self.said is None:
            stages.append("transcribe")
        if self.said is not None and self.ended is None and self.failed is None:
            stages.append("generate")
        if self.unspoken():
            stages.append("synthesize")
        return stages


class LossWatch:
    """Whether a turn's message to one stage was lost. Look at it regularly.

    Lost: the worker that had it is gone; or, on several looks, everybody is idle and nothing waits.
    """

    def __init__(self, turn_id: str) -> None:
        self._turn_id = turn_id
        self._holder: str | None = None
        self._idle_looks = self._new_looks = 0
        self._seen: dict[str, int] = {}
        """Which renewal of each worker's presence the last look with news was at."""
        self._resends = 0

    def is_lost(self, load: StageLoad) -> bool:
        """True when it should be sent again; at most ``MOST_RESENDS`` times."""
        holder = next((worker.worker for worker in load.workers if self._turn_id in worker.turns), None)
        if holder is not None:
            self._holder = holder
            self._start_anew()
            return False
        holder_is_gone = self._holder is not None and all(worker.worker != self._holder for worker in load.workers)
        self._count(load)
        is_nowhere = self._new_looks >= IDLE_LOOKS or self._idle_looks >= STALE_LOOKS
        if not (holder_is_gone or is_nowhere) or self._resends >= MOST_RESENDS:
            return False
        self._resends += 1
        self._start_anew()
        self._holder = None
        return True

    def _count(self, load: StageLoad) -> None:
        if not load.is_idle:
            self._start_anew()
            return
        self._idle_looks += 1
        self._new_looks += self._is_news(load)

    def _start_anew(self) -> None:
        self._idle_looks = self._new_looks = 0

    def _is_news(self, load: StageLoad) -> bool:
        renewals = {worker.worker: worker.renewal for worker in load.workers}
        is_news = all(renewal != self._seen.get(worker) for worker, renewal in renewals.items())
        if is_news:
            self._seen = renewals
        return is_news
