"""Sound that is there before it is needed: whole or not at all, found by what is said, and none that nobody says."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blobs import BlobError
from tasks.by_heart import cut
from tasks.cached_speech import CachedSpeech, Recording

ANSWER = "Sorry yaar, I lost my thread there. My head is foggy."
OTHER = "Hello you."
VOICE = "heart-1"


def recording(text: str, sound: bytes = b"p") -> Recording:
    return Recording(text, tuple((piece, (sound + bytes([at]), sound)) for at, piece in enumerate(cut(text))))


@pytest.fixture
def cached(tmp_path: Path) -> CachedSpeech:
    return CachedSpeech(tmp_path / "cached", [ANSWER, OTHER], cut)


def test_a_whole_text_is_found_and_nothing_else(cached: CachedSpeech) -> None:
    assert cached.find(ANSWER) is None
    cached.keep(VOICE, recording(ANSWER))
    assert cached.find(ANSWER) == (b"p\0", b"p", b"p\1", b"p", b"p\2", b"p")
    assert cached.find(OTHER) is None
    assert cached.find("something else") is None


def test_each_piece_is_found_and_so_are_pieces_that_were_cut_together(cached: CachedSpeech) -> None:
    assert cut(ANSWER) == ["Sorry yaar,", "I lost my thread there.", "My head is foggy."]
    cached.keep(VOICE, recording(ANSWER))
    assert cached.find("I lost my thread there.") == (b"p\1", b"p")
    assert cached.find("Sorry yaar, I lost my thread there.") == (b"p\0", b"p", b"p\1", b"p")
    assert cached.find("Sorry yaar, My head is foggy.") is None


def test_who_says_only_whole_texts_needs_no_cutter(cached: CachedSpeech) -> None:
    cached.keep(VOICE, recording(ANSWER))
    assert CachedSpeech(cached.folder, [ANSWER]).find(ANSWER) == cached.find(ANSWER)


def test_a_voice_that_is_asked_for_comes_first_then_the_newest(cached: CachedSpeech) -> None:
    for age, voice in enumerate(("newest", "older", "oldest")):
        cached.keep(voice, recording(OTHER, voice.encode()))
        os.utime(cached.folder / voice, (1000 - age, 1000 - age))
    assert (cached.find(OTHER) or ())[1] == b"newest"
    assert (cached.find(OTHER, "oldest") or ())[1] == b"oldest"
    assert (cached.find(OTHER, "no such voice") or ())[1] == b"newest"
    assert cached.newest_voice == "newest"


def test_what_is_missing_or_spoilt_is_told_in_the_order_of_the_texts(cached: CachedSpeech) -> None:
    assert cached.missing(VOICE) == (ANSWER, OTHER)
    cached.keep(VOICE, recording(ANSWER))
    assert cached.missing(VOICE) == (OTHER,)
    [file] = (cached.folder / VOICE).iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert cached.missing(VOICE) == (ANSWER, OTHER)
    assert cached.find(ANSWER) is None
    file.write_bytes(b"")
    assert cached.missing(VOICE) == (ANSWER, OTHER)


def test_tidying_removes_what_nobody_says_and_what_was_left_behind(cached: CachedSpeech) -> None:
    for age, voice in enumerate((VOICE, "before", "long before")):
        cached.keep(voice, recording(OTHER))
        os.utime(cached.folder / voice, (1000 - age, 1000 - age))
    here = cached.folder / VOICE
    for name, written_at in (("of an older catalogue", 900), (".half-written", 900), (".being written", 995)):
        (here / name).write_bytes(b"x")
        os.utime(here / name, (written_at, written_at))
    for age, voice in enumerate((VOICE, "before", "long before")):
        os.utime(cached.folder / voice, (1000 - age, 1000 - age))
    cached.tidy(VOICE, now=1000)
    assert sorted(folder.name for folder in cached.folder.iterdir()) == ["before", VOICE]
    assert {file.name[:6] for file in here.iterdir()} == {".being", *(name[:6] for name in cached.names(VOICE))}
    assert cached.find(OTHER) is not None


def test_without_a_folder_there_is_nothing_and_no_trouble(tmp_path: Path) -> None:
    nowhere = CachedSpeech(tmp_path / "nowhere", [OTHER])
    assert nowhere.find(OTHER) is None
    assert nowhere.newest_voice is None
    assert nowhere.names(VOICE) == {}
    nowhere.tidy(VOICE, now=0)


@given(st.lists(st.tuples(st.text(), st.lists(st.binary(min_size=1, max_size=9))), max_size=5), st.text())
def test_a_recording_is_the_same_again(pieces: list[tuple[str, list[bytes]]], text: str) -> None:
    spoken = Recording(text, tuple((piece, tuple(packets)) for piece, packets in pieces))
    assert Recording.from_bytes(spoken.to_bytes()) == spoken


@given(st.integers(0, 200))
def test_a_recording_that_is_cut_short_is_none(length: int) -> None:
    blob = recording(ANSWER).to_bytes()
    with pytest.raises(BlobError):
        Recording.from_bytes(blob[: min(length, len(blob) - 1)])


@given(st.binary(max_size=60))
def test_bytes_of_others_are_refused(blob: bytes) -> None:
    with pytest.raises(BlobError):
        Recording.from_bytes(blob)
