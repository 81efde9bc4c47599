"""A small part of what ``python -m tests.bench.voice_fuzz`` tries a million times, and whether it would notice."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from bot.voice import receive, transport
from bot.voice.dave import SealedSpeech
from bot.voice.rtp import Drop, read_header
from bot.voice.speakers import MOST_HELD, MOST_STRANGERS, Speakers
from bot.voice.transport import AES_GCM, XCHACHA, ReplayWindow, Transport
from tests.bench.voice_fuzz import fuzz
from tests.bench.voice_judge import Fault
from tests.fakes.mutations import ASHA, STRANGER_KEY, Attacker, Worth

SOME = 4_000
CALLS = pytest.mark.parametrize(("mode", "is_sealed"), [(XCHACHA, False), (AES_GCM, True)], ids=["plain", "DAVE"])


@pytest.mark.parametrize(
    ("seed", "mode", "is_sealed"), [(0, XCHACHA, False), (-1, XCHACHA, True), (-2, AES_GCM, False), (-3, AES_GCM, True)]
)
def test_whatever_is_sent_nothing_breaks_and_no_forgery_is_let_in(
    seed: int, mode: str, is_sealed: bool, tmp_path: Path
) -> None:
    outcome = fuzz(SOME, seed, mode, tmp_path / "datagrams.txt", is_sealed=is_sealed)
    assert not outcome.accepted, str(outcome)
    assert not list(tmp_path.iterdir())
    tried, dropped = outcome.tried, outcome.dropped
    assert tried.total() == SOME
    assert min(tried[worth] for worth in Worth if is_sealed or worth is not Worth.BROKEN_INSIDE) > 50
    assert tried[Worth.FORGED] > 500
    assert tried[Worth.REPLAYED] > 500
    assert outcome.limits.total() < tried[Worth.REPLAYED] / 2
    assert outcome.sounds > 100
    assert set(+dropped) == set(Drop)
    assert dropped[Drop.NOT_HEARD] == tried[Worth.UNWILLING]
    assert 0 <= tried[Worth.NAMELESS] - dropped[Drop.UNKNOWN_SPEAKER] <= MOST_STRANGERS * MOST_HELD


def test_without_dave_a_seed_brings_the_same_datagrams_again() -> None:
    first, second, other = (list(Attacker(seed, None, XCHACHA).attacks(500)) for seed in (5, 5, 6))
    assert first == second != other


type Breaking = Callable[[pytest.MonkeyPatch], None]


def let_every_second_replay_in(patch: pytest.MonkeyPatch) -> None:
    admits, refused = ReplayWindow.admits, count()
    patch.setattr(ReplayWindow, "admits", lambda *asked: admits(*asked) or next(refused) % 2 == 1)


def take_a_recorded_stretch_for_a_restart(patch: pytest.MonkeyPatch) -> None:
    restarts = ReplayWindow._restarts

    def forget_counters(window: ReplayWindow, sequence: int, counter: int) -> bool:
        window._newest_counter = window._restart_counter = counter - 1
        return restarts(window, sequence, counter)

    patch.setattr(ReplayWindow, "_restarts", forget_counters)


def ask_for_a_counter_nowhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transport, "FAR_AHEAD", 40_000)


def leave_the_header_out_of_the_seal(patch: pytest.MonkeyPatch) -> None:
    """On both sides: what is good is still opened."""

    def unbound[**Key](make: Callable[Key, tuple[transport._Decrypt, transport._Encrypt]]) -> Callable[Key, object]:
        def made(*args: Key.args, **kwargs: Key.kwargs) -> object:
            decrypt, encrypt = make(*args, **kwargs)
            return (
                lambda sealed, _clear, nonce: decrypt(sealed, b"", nonce),
                lambda payload, _clear, nonce: encrypt(payload, b"", nonce),
            )

        return made

    patch.setattr(transport, "_xchacha", unbound(transport._xchacha))
    patch.setattr(transport, "_aes_gcm", unbound(transport._aes_gcm))


def take_another_key_too(patch: pytest.MonkeyPatch) -> None:
    opens = Transport.open

    def lenient(own: Transport, packet: bytes, clear_bytes: int) -> bytes | None:
        plain = opens(own, packet, clear_bytes)
        return opens(Transport(own.mode, STRANGER_KEY), packet, clear_bytes) if plain is None else plain

    patch.setattr(Transport, "open", lenient)


def take_the_nameless_for_somebody(patch: pytest.MonkeyPatch) -> None:
    user_of = Speakers.user_of
    patch.setattr(Speakers, "user_of", lambda speakers, ssrc: user_of(speakers, ssrc) or ASHA)


def ask_nobody_for_consent(patch: pytest.MonkeyPatch) -> None:
    hear = receive.Receiver._hear

    def shameless(receiver: receive.Receiver, *packet: object) -> list[receive.Heard]:
        receiver._is_heard = lambda _user_id: True
        return hear(receiver, *packet)  # type: ignore[arg-type]

    patch.setattr(receive.Receiver, "_hear", shameless)


@CALLS
@pytest.mark.parametrize(
    ("breaks", "fault"),
    [
        (let_every_second_replay_in, Fault.TWICE),
        (take_a_recorded_stretch_for_a_restart, Fault.TWICE),
        (ask_for_a_counter_nowhere, Fault.TWICE),
        (leave_the_header_out_of_the_seal, Fault.OPENED),
        (take_another_key_too, Fault.OPENED),
        (take_the_nameless_for_somebody, Fault.UNSEALED),
        (ask_nobody_for_consent, Fault.UNSEALED),
    ],
)
def test_a_way_in_that_is_broken_is_noticed(
    breaks: Breaking, fault: Fault, mode: str, is_sealed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(monkeypatch)
    outcome = fuzz(SOME, 3, mode, tmp_path / "datagrams.txt", is_sealed=is_sealed)
    assert outcome.accepted >= outcome.faults[fault] > 0


def test_an_end_to_end_seal_that_is_not_asked_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Believing(SealedSpeech):
        def open(self, user_id: int, frame: bytes) -> bytes | None:
            return super().open(user_id, frame) or frame

    monkeypatch.setattr("bot.voice.receive.SealedSpeech", Believing)
    outcome = fuzz(SOME, 3, XCHACHA, tmp_path / "datagrams.txt", is_sealed=True)
    assert set(outcome.faults) == {Fault.WRONG_SEAL, Fault.SEAL_TWICE}


def again(journal: Path) -> tuple[str, list[str]]:
    """What was accepted as forged when the datagrams of a journal are opened once more, as it says how."""
    facts = dict(line.removeprefix("# ").split(" ", 1) for line in journal.read_text().splitlines()[:4])
    opener = Transport(facts["mode"], bytes.fromhex(facts["key"]))
    lines = journal.read_text().splitlines()
    opened = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if following.startswith(f"# accepted: {Fault.OPENED}"):
            datagram = bytes.fromhex(line)
            header = read_header(datagram)
            assert not isinstance(header, Drop)
            if opener.open(datagram, header.clear_bytes) is not None:
                opened.append(line)
    return facts["mode"], opened


@CALLS
def test_what_was_accepted_is_written_down_so_that_it_can_be_tried_again(
    mode: str, is_sealed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_the_header_out_of_the_seal(monkeypatch)
    outcome = fuzz(SOME, 3, mode, tmp_path / "datagrams.txt", is_sealed=is_sealed)
    assert outcome.journals == [tmp_path / "datagrams.txt"]
    assert str(tmp_path / "datagrams.txt") in str(outcome)
    written_mode, opened = again(outcome.journals[0])
    assert written_mode == mode
    assert len(opened) == outcome.faults[Fault.OPENED]
    monkeypatch.undo()
    assert again(outcome.journals[0]) == (mode, [])


def test_what_ends_the_run_is_the_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take, tried = receive.Receiver.datagram, list[bytes]()

    def fall(receiver: receive.Receiver, packet: bytes, now: float) -> list[receive.Heard]:
        tried.append(packet)
        if len(tried) == 500:
            raise MemoryError("libopus")
        return take(receiver, packet, now)

    monkeypatch.setattr(receive.Receiver, "datagram", fall)
    with pytest.raises(MemoryError) as failure:
        fuzz(SOME, 3, XCHACHA, tmp_path / "datagrams.txt", is_sealed=False)
    assert any(str(tmp_path / "datagrams.txt") in note for note in failure.value.__notes__)
    lines = (tmp_path / "datagrams.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [datagram.hex() for datagram in tried]
