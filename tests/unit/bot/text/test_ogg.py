"""Ogg files of strangers: good ones are read whole, all others are refused, and nothing crashes."""

import io
import random
import struct
from collections.abc import Callable

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bot.text.ogg import MOST_PACKETS, BadOgg, checksum, read_opus
from tests.fakes.ogg_files import BEGINS, CONTINUED, ENDS, HEAD, TAGS, OggPage, pages_of, slow_checksum, tone, written

PACKETS = [bytes([index % 256]) * (index % 300 + 1) for index in range(120)]


@given(st.binary(max_size=600))
def test_the_quick_checksum_is_the_documented_one(content: bytes) -> None:
    assert checksum(content) == slow_checksum(content)


def test_all_packets_come_out_in_order() -> None:
    stream = read_opus(written(pages_of(PACKETS)))
    assert list(stream.packets) == PACKETS
    assert stream.skipped == 312
    assert stream.length == 120 * 960 - 312
    assert stream.gain_db == 0


def test_a_packet_may_go_on_over_several_pages() -> None:
    long = bytes(range(256)) * 6
    pages = [
        *pages_of([])[:2],
        OggPage(0, -1, 2, (b"first", long[:510]), is_last_open=True),
        OggPage(CONTINUED, -1, 3, (long[510:1020],), is_last_open=True),
        OggPage(CONTINUED | ENDS, 2880, 4, (long[1020:], b"last")),
    ]
    pages[1].flags = 0
    assert read_opus(written(pages)).packets == (b"first", long, b"last")


def test_a_packet_of_exactly_255_bytes_ends_with_an_empty_segment() -> None:
    assert read_opus(written(pages_of([b"x" * 255, b"y" * 510]))).packets == (b"x" * 255, b"y" * 510)


def test_a_file_of_another_writer_is_read() -> None:
    file = io.BytesIO()
    soundfile.write(file, tone(1.0), 48_000, format="OGG", subtype="OPUS")
    stream = read_opus(file.getvalue())
    assert stream.packets
    assert stream.length is not None
    assert abs(stream.length - 48_000) < 960


def test_a_gain_is_told() -> None:
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 2, 0, 48_000, -256 * 6, 0)
    assert read_opus(written(pages_of(PACKETS, head))).gain_db == -6


def bent(change: Callable[[list[OggPage]], object]) -> bytes:
    pages = pages_of(PACKETS)
    change(pages)
    return written(pages)


def head(*, version: int = 1, channels: int = 1, family: int = 0) -> bytes:
    return written(pages_of(PACKETS, struct.pack("<8sBBHIhB", b"OpusHead", version, channels, 0, 48_000, 0, family)))


def set_page(index: int, **fields: object) -> Callable[[list[OggPage]], None]:
    def change(pages: list[OggPage]) -> None:
        for name, value in fields.items():
            setattr(pages[index], name, value)

    return change


GOOD = written(pages_of(PACKETS))

REFUSED = {
    "nothing": b"",
    "no ogg": b"RIFF" + bytes(100),
    "vorbis": written([OggPage(BEGINS, 0, 0, (b"\x01vorbis" + bytes(23),)), OggPage(0, 0, 1, (b"\x03vorbis",))]),
    "cut within a page": GOOD[:-1],
    "cut within a header": GOOD + b"OggS\0",
    "cut behind the first page": written(pages_of(PACKETS)[:1]),
    "one bit turned": GOOD[:200] + bytes([GOOD[200] ^ 1]) + GOOD[201:],
    "another version": bent(set_page(2, version=1)),
    "a page is missing": bent(lambda pages: pages.pop(2)),
    "a page comes twice": bent(lambda pages: pages.insert(2, pages[2])),
    "two streams": bent(set_page(3, serial=8)),
    "a stream behind the first": GOOD + GOOD,
    "a page behind the last": bent(set_page(2, flags=ENDS)),
    "no first page": bent(set_page(0, flags=0)),
    "goes on from nowhere": bent(set_page(2, flags=CONTINUED)),
    "goes on nowhere": bent(set_page(2, pieces=(b"x" * 255,), is_last_open=True)),
    "ends within a packet": bent(set_page(-1, pieces=(b"x" * 255,), is_last_open=True)),
    "no tags": written([OggPage(BEGINS, 0, 0, (HEAD,)), OggPage(ENDS, 0, 1, (b"OpusTag",))]),
    "short head": written([OggPage(BEGINS, 0, 0, (HEAD[:12],)), OggPage(ENDS, 0, 1, (TAGS,))]),
    "head of the future": head(version=16),
    "no channels": head(channels=0),
    "six channels": head(channels=6, family=1),
    "endless packet": written(
        [
            *pages_of([])[:1],
            OggPage(0, 0, 1, (TAGS, b"x" * 60_180), is_last_open=True),
            OggPage(CONTINUED, 0, 2, (b"x" * 65_025,), is_last_open=True),
        ]
    ),
    "crowds of empty packets": written(pages_of([b""] * (MOST_PACKETS + 1), packets_a_page=255)),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_ogg_opus_file_is_refused(content: bytes) -> None:
    with pytest.raises(BadOgg):
        read_opus(content)


def test_no_mutation_gets_through_or_crashes() -> None:
    """A page's checksum covers all of it: whatever is changed is noticed."""
    chance = random.Random(3)
    for _ in range(3_000):
        content = bytearray(GOOD)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(content))
            content[at] ^= chance.randint(1, 255)
        if bytes(content) == GOOD:
            continue
        with pytest.raises(BadOgg):
            read_opus(bytes(content))


def test_lying_pages_with_good_checksums_never_crash() -> None:
    chance = random.Random(4)
    outcomes = set()
    for _ in range(2_000):
        pages = pages_of(PACKETS[:30], packets_a_page=7)
        for _ in range(chance.randint(1, 3)):
            page = chance.choice(pages)
            match chance.randrange(6):
                case 0:
                    page.flags = chance.randrange(8)
                case 1:
                    page.granule = chance.randint(-(1 << 63), (1 << 63) - 1)
                case 2:
                    page.number = chance.randrange(1 << 32)
                case 3:
                    page.pieces = tuple(chance.randbytes(chance.randrange(700)) for _ in range(chance.randrange(4)))
                case 4:
                    page.is_last_open = True
                case 5:
                    page.serial = chance.randrange(1 << 32)
        try:
            read_opus(written(pages))
            outcomes.add("read")
        except BadOgg:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


@given(st.binary(max_size=2_000))
def test_noise_is_refused(content: bytes) -> None:
    with pytest.raises(BadOgg):
        read_opus(content)
