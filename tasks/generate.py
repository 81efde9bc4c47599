"""Language: write the answer, cut it into sentences while it grows, and send each on to be spoken."""

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from redis.client import Pipeline

from config.persona import persona
from tasks import keys
from tasks.answer import Answer, NoLongerOwner, StoredAnswer
from tasks.engines import chat_model, read_ahead
from tasks.forward import forward
from tasks.history import PastTurn, decode_turns, remember
from tasks.messages import ReplyEnded, SaidText, Sentence, Wire, Words
from tasks.prompting import messages_for
from tasks.replies import WordsPacer
from tasks.stage import MOST_DELIVERIES, Delivery, Read, stage_task
from workers.engines import Conversation, Delta
from workers.errors import NoWords
from workers.language.emotion_tags import FeltText
from workers.language.sentences import SentenceCutter

WORDS_EVERY_SECONDS = 0.05
SPOKEN_AS: Final[Mapping[str, str]] = {"en": "en", "hi": "hi", "hinglish": "hi"}
"""The language, as ISO 639-1 has it, in which a voice is to read an answer whose language was chosen."""


@dataclass(slots=True)
class Draft:
    """The answer as it grows: the one mutable thing of a delivery."""

    sentences: list[str] = field(default_factory=list)
    text: str = ""
    engines: dict[str, None] = field(default_factory=dict)
    """Who wrote it, in order: more than one when one died in the middle."""
    model_started_at: float = 0.0
    felt: FeltText = field(default_factory=FeltText)
    """Takes out of the text how it is felt, and remembers that."""

    @property
    def engine(self) -> str:
        return "+".join(self.engines) or "stored"


@dataclass(frozen=True, slots=True)
class Outset:
    """What a delivery finds."""

    answer: Answer
    stored: StoredAnswer
    past_turns: tuple[PastTurn, ...]


def _ask(said: SaidText, delivery: Delivery, pipeline: Pipeline) -> Read[Outset]:
    """To own the answer, for what is there of it, and for what was said before."""
    owner = f"{delivery.place.presence.worker}:{uuid.uuid4().hex}"
    answer = Answer(delivery.place.redis, said.turn.id, owner)
    answer.ask_to_take_over(pipeline, most_deliveries=MOST_DELIVERIES)
    pipeline.hgetall(keys.history(said.turn.conversation))

    def read(answers: Sequence[Any]) -> Outset:
        stored, history = answers
        past_turns = (past for past in decode_turns(history.values()) if past.turn != said.turn.id)
        return Outset(answer, Answer.taken_over(stored), tuple(past_turns))

    return read


@stage_task("generate", SaidText, _ask)
def generate(said: SaidText, delivery: Delivery, outset: Outset) -> Wire:
    """Answer what was said. A redelivery goes on from the stored sentences instead of answering anew.

    What is to be said verbatim is only cut into sentences, the same ones at every delivery."""
    answer, stored = outset.answer, outset.stored
    draft = Draft(list(stored.sentences), " ".join(stored.sentences))
    _send_again(said, delivery, draft)
    try:
        if not stored.has_ended:
            if said.verbatim:
                _repeat(said, delivery, answer, draft)
            else:
                _write(said, delivery, outset, draft)
            answer.end()
    except NoLongerOwner:
        draft.text = ""  # history is the new owner's to write
        raise
    finally:
        if draft.text and not said.verbatim:
            remember(delivery.place.redis, said.turn.conversation, _past(said, delivery, draft))
    ended_at = time.time()
    work = delivery.work(draft.engine, draft.model_started_at or ended_at, ended_at)
    delivery.place.replies.send(ReplyEnded(said.turn, len(draft.sentences), draft.text.strip(), work))
    delivery.log(draft.engine, "Answered in {} sentences", len(draft.sentences))
    if draft.text and len(draft.engines) == 1:
        so_far = (*outset.past_turns, _past(said, delivery, draft))
        read_ahead(_conversation(said, delivery, so_far), draft.engine)
    return {"text": draft.text.strip(), "sentences": len(draft.sentences)}


def _past(said: SaidText, delivery: Delivery, draft: Draft) -> PastTurn:
    """The turn as history will know it."""
    return PastTurn(said.turn.id, delivery.started_at, said.text, draft.text.strip(), said.turn.speaker_name)


def _send_again(said: SaidText, delivery: Delivery, draft: Draft) -> None:
    """An earlier delivery wrote these; whether they were sent on, nobody knows. Synthesize and the asker dedupe."""
    if draft.text and not said.verbatim:
        delivery.place.replies.send(Words(said.turn, draft.text, 0, time.time()))
    draft.felt.feed(draft.text)
    for index, sentence in enumerate(draft.sentences):
        _send_sentence(said, delivery, index, sentence, draft.felt.of(sentence))


def _repeat(said: SaidText, delivery: Delivery, answer: Answer, draft: Draft) -> None:
    """Say the text itself, behind the sentences that an earlier delivery sent on."""
    draft.engines, draft.model_started_at = {"verbatim": None}, time.time()
    draft.text = said.text
    draft.felt = FeltText()
    draft.felt.feed(said.text)
    cutter = SentenceCutter()
    for sentence in [*cutter.feed(said.text), *cutter.finish()][len(draft.sentences) :]:
        delivery.stop_if_unwanted()
        _add(said, delivery, answer, draft, sentence)


def _write(said: SaidText, delivery: Delivery, outset: Outset, draft: Draft) -> None:
    """Let the model write, sentence by sentence. Raises EngineError when no model could, or nothing came of it."""
    pacer = WordsPacer(
        lambda words, offset: delivery.place.replies.send(Words(said.turn, words, offset, time.time())),
        every_seconds=WORDS_EVERY_SECONDS,
        already_sent=len(draft.text),
    )
    cutter = SentenceCutter()
    draft.model_started_at = time.time()
    with closing(chat_model().reply(_conversation(said, delivery, outset.past_turns, draft.text))) as deltas:
        for text in _plain_texts(deltas, delivery, draft):
            draft.text += text
            for sentence in cutter.feed(text):
                _add(said, delivery, outset.answer, draft, sentence)
            if said.turn.spoken and len(draft.sentences) >= persona().spoken_sentences:
                draft.text = " ".join(draft.sentences)
                pacer.flush()
                return
            pacer.feed(text)
    pacer.flush()
    for sentence in cutter.finish():
        _add(said, delivery, outset.answer, draft, sentence)
    if not draft.sentences:  # a tag and nothing else, say: somebody waits for a word
        raise NoWords(draft.engine)


def _plain_texts(deltas: Iterable[Delta], delivery: Delivery, draft: Draft) -> Iterator[str]:
    """What may be seen and heard of them."""
    for delta in deltas:
        delivery.stop_if_unwanted()
        draft.engines |= {delta.engine: None} if delta.engine else {}
        yield draft.felt.feed(delta.text)
    yield draft.felt.finish()


def _conversation(
    said: SaidText, delivery: Delivery, past_turns: Sequence[PastTurn], answer_so_far: str = ""
) -> Conversation:
    settings = delivery.place.settings
    newest = max(past_turns, key=lambda past: past.at, default=None)
    return Conversation(
        said.turn.conversation,
        messages_for(said, past_turns, persona()),
        answer_so_far=answer_so_far,
        temperature=settings.temperature,
        max_tokens=settings.max_tokens,
        language=said.turn.language,
        emotions_hint=persona().emotions_hint if said.turn.spoken else "",
        last_answer=newest.answered if newest else "",
    )


def _add(said: SaidText, delivery: Delivery, answer: Answer, draft: Draft, sentence: str) -> None:
    """Store, then send: see Answer.add."""
    index = len(draft.sentences)
    answer.add(index, sentence)
    draft.sentences.append(sentence)
    _send_sentence(said, delivery, index, sentence, draft.felt.of(sentence))


def _send_sentence(said: SaidText, delivery: Delivery, index: int, text: str, emotion: str) -> None:
    language = SPOKEN_AS.get(said.turn.language) or said.language or "en"
    sentence = Sentence(said.turn, index, text, language, queued_at=time.time(), emotion=emotion)
    if said.turn.spoken:
        forward(sentence)
    delivery.place.replies.send(sentence)
