"""Ten thousand streams that no provider should send, through the real dialects and failover: whatever comes, somebody
answers, nothing is unhandled, and nobody hears a sentence twice.

Most come over a transport in memory, some hundreds over real sockets.
"""

import json
import multiprocessing
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2 as httpx
from loguru import logger
from pydantic import SecretStr

from config.providers import Access, ChatProvider
from tests.fakes.chat_models import text_of
from tests.fakes.providers import Answer, Close, Raw, Reset, ServerThread, Step, goes_on, says
from tests.fakes.providers.mutations import Stream, StreamMutator, body_of
from tests.fakes.providers.script import Asked
from tests.fakes.providers.wire import Dialect
from tests.fakes.recording_ledger import RecordingLedger
from tests.integration.failover_room import FailoverRoom, Peer, asking, contender_of
from workers.cloud.loop import CloudLoop
from workers.engines import Delta
from workers.failover.chat import FailoverChat
from workers.failover.roster import Roster, Tier
from workers.language.sentences import SentenceCutter
from workers.lineup import NoEngine

STREAMS = 10_000
OVER_SOCKETS = 300
SHARES = 4
AT_ONCE = 2
"""Processes: the threads of one would wait for each other."""
QUESTION = "Hm?"
"""Holds no word of an answer."""
REPEATED_LETTERS = 15
"""Shorter sentences may come again."""
SENTENCES = (
    "My day was long and good.", "I met Asha at the market!", "We ate far too many mangoes.",
    "Did you sleep well, yaar?",
    "The train was late again...", "Papa called me in the evening.", "It rained, so we danced on the roof.",
    "मेरा दिन लंबा था, पर अच्छा था।", "हमने साथ में आम खाए 🥭।", "Aaj mausam bahut accha hai!",
    "Tell me everything about it.",
    'He said "come home soon" and hung up.', "Numbers like 3.14 or 1,000 don't end a sentence.", "Haan!", "And you?",
)  # fmt: skip


class InMemory(httpx.AsyncBaseTransport):
    """Answers the first provider's requests with a stream in its pieces, the other's as its script says."""

    def __init__(self) -> None:
        self.stream = Stream((), None, is_only_cut=True, changes=())
        self.backup: Answer | None = None
        self.text = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = Asked("POST", request.url.path, {}, json.loads(request.content))
        if request.url.host == "first.test":
            stream = self.stream
        elif self.backup is not None:
            stream = Stream(tuple(body_of(self.backup, asked)), None, is_only_cut=False, changes=())
        else:
            stream = Stream(tuple(body_of(goes_on(self.text)(asked), asked)), None, is_only_cut=False, changes=())
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Pieces(stream))


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._stream.pieces:
            yield piece
        if self._stream.breaks is not None:
            raise self._stream.breaks("as scripted")


@dataclass(slots=True)
class Findings:
    """What came of many streams."""

    heard: int = 0
    went_on: int = 0
    only_first: int = 0
    repeated: list[str] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    """Words were spoken that no model can go on from: here the last resort would apologise."""
    bugs: list[str] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)


@contextmanager
def bugs_noted(findings: Findings) -> Iterator[None]:
    """What failover took for a bug of ours is found; its warnings, some thousands, are nobody's to read."""
    logger.remove()
    sink = logger.add(lambda message: findings.bugs.append(str(message)), level="CRITICAL", format="{message} {extra}")
    try:
        yield
    finally:
        logger.remove(sink)
        logger.add(lambda line: print(line, end="", file=sys.stderr))  # whatever that is then


def sentences_of(answer: str) -> list[str]:
    """As they are spoken, without what may come again."""
    cutter = SentenceCutter()
    spoken = [*cutter.feed(answer), *cutter.finish()]
    bare = ("".join(letter for letter in sentence.casefold() if letter.isalnum()) for sentence in spoken)
    return [sentence for sentence in bare if len(sentence) >= REPEATED_LETTERS]


def text_for(chance: random.Random) -> str:
    return " ".join(chance.sample(SENTENCES, chance.randint(2, 5)))


def dialect_for(chance: random.Random) -> Dialect:
    return chance.choice(("openai", "openai", "anthropic"))


def stream_for(mutator: StreamMutator, text: str, dialect: Dialect) -> Stream:
    asked = Asked("POST", "", {}, {"model": "m", "stream_options": {"include_usage": True}})
    events = body_of(says(text), asked, dialect)
    return mutator.cut(events) if mutator.chance.random() < 0.3 else mutator.mutated(events)


def judge(findings: Findings, stream: Stream, text: str, answer: str, by: tuple[str, ...], seed: str) -> None:
    findings.heard += 1
    findings.changes.update(stream.changes)
    findings.went_on += len(by) > 1
    findings.only_first += by == ("first",)
    twice = [sentence for sentence, count in Counter(sentences_of(answer)).items() if count > 1]
    if twice:
        findings.repeated.append(f"{seed} {stream.changes}: {answer!r}")
    if not answer.strip():
        findings.unanswered.append(f"{seed} {stream.changes}")
    if stream.is_only_cut and answer.split() != text.split():
        findings.unlike.append(f"{seed} {by} {text!r} became {answer!r}")


def listen(seed: int, count: int) -> Findings:
    """``count`` streams, the same for the same seed. Raises whatever failover raises."""
    findings = Findings()
    with bugs_noted(findings):
        _listen(seed, count, findings)
    return findings


def _listen(seed: int, count: int, findings: Findings) -> None:
    mutator = StreamMutator(seed)
    ledger, transport = RecordingLedger(), InMemory()
    loop = CloudLoop(httpx.AsyncClient(transport=transport))
    chats = {dialect: _chat(dialect, ledger, loop) for dialect in ("openai", "anthropic")}
    try:
        for number in range(count):
            chance = mutator.chance
            text, dialect = text_for(chance), dialect_for(chance)
            transport.text, transport.stream = text, stream_for(mutator, text, dialect)
            transport.backup = says(text) if chance.random() < 0.4 else None
            deltas: list[Delta] = []
            place = f"seed {seed}, number {number}, {dialect}"
            try:
                deltas.extend(chats[dialect].reply(asking(QUESTION)))
            except NoEngine as error:
                findings.given_up.append(f"{place} {transport.stream.changes}: {error} behind {text_of(deltas)!r}")
            by = tuple(dict.fromkeys(delta.engine for delta in deltas if delta.text and delta.engine))
            judge(findings, transport.stream, text, text_of(deltas), by, place)
            ledger.told.clear()
    finally:
        loop.close()


def _chat(dialect: Dialect, ledger: RecordingLedger, loop: CloudLoop) -> FailoverChat:
    def provider(name: str, spoken: Dialect, priority: int) -> Access[ChatProvider]:
        url = f"https://{name}.test/v1"
        row = ChatProvider(
            name=name, base_url=url, dialect=spoken, model="m", expected_seconds=60, priority=priority, key_env=("K",)
        )
        return Access[ChatProvider](row=row, base_url=url, key=SecretStr("k"))

    rows = (provider("first", dialect, 0), provider("second", "openai", 90))
    return FailoverChat(Roster((Tier(tuple(contender_of(row, ledger, loop) for row in rows), ledger),)))


def check(findings: list[Findings], count: int) -> None:
    assert sum(found.heard for found in findings) == count
    for name in ("repeated", "unlike", "unanswered", "bugs"):
        wrong = [text for found in findings for text in getattr(found, name)]
        assert not wrong, f"{len(wrong)} {name}, such as:\n" + "\n".join(wrong[:5])


def test_whatever_ten_thousand_streams_bring_somebody_answers_and_nothing_is_said_twice() -> None:
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as processes:
        findings = list(processes.map(listen, range(SHARES), [STREAMS // SHARES] * SHARES))
    check(findings, STREAMS)
    assert sum(len(found.given_up) for found in findings) < STREAMS / 1000
    went_on = sum(found.went_on for found in findings)
    by_first = sum(found.only_first for found in findings)
    # The changes reach every way through failover, or this proves little.
    assert went_on > STREAMS / 10
    assert by_first > STREAMS / 10
    assert STREAMS - went_on - by_first > STREAMS / 50


def test_whatever_hundreds_of_streams_bring_over_real_sockets_somebody_answers() -> None:
    mutator, findings = StreamMutator(77), Findings()
    with bugs_noted(findings), ServerThread() as servers:
        room = FailoverRoom(servers, {"first": Peer(), "second": Peer()}, retries=0)
        try:
            for number in range(OVER_SOCKETS):
                text = text_for(mutator.chance)
                stream = stream_for(mutator, text, "openai")
                room.servers["first"].choose = lambda _, stream=stream: _over_sockets(stream)  # type: ignore[misc]
                room.servers["second"].choose = goes_on(text)
                outcome = room.ask(asking(QUESTION))
                assert outcome.error is None
                judge(findings, stream, text, outcome.text, outcome.by, f"number {number}")
        finally:
            room.close()
    check([findings], OVER_SOCKETS)


def _over_sockets(stream: Stream) -> Answer:
    """The stream in no more than some hundred pieces, and how its connection ends."""
    end: Step | None = None
    if stream.breaks is not None:
        end = Reset() if stream.breaks is httpx.ReadError else Close()
    pieces = (*stream.pieces[:100], b"".join(stream.pieces[100:]))
    return Answer(steps=(*map(Raw, pieces), *([end] if end else [])))


def test_streams_that_nobody_can_follow_end_in_one_error_that_names_everybody() -> None:
    mutator, findings = StreamMutator(5), Findings()
    ledger, transport = RecordingLedger(), InMemory()
    loop = CloudLoop(httpx.AsyncClient(transport=transport))
    chat = _chat("openai", ledger, loop)
    errors: list[str] = []
    transport.backup = Answer(steps=(Raw(b"data: nonsense\n\n"),))
    with bugs_noted(findings):
        for _ in range(500):
            transport.stream = stream_for(mutator, text_for(mutator.chance), "openai")
            answer = ""
            try:
                for delta in chat.reply(asking(QUESTION)):
                    answer += delta.text
            except NoEngine as error:
                errors.append(str(error))
            assert max(Counter(sentences_of(answer)).values(), default=1) == 1
        loop.close()
    assert len(errors) > 100
    assert all("second: its stream is broken" in error for error in errors)
    assert not findings.bugs
