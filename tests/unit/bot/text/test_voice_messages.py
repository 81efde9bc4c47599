"""Voice messages become what Whisper hears, or a reason why not."""

import io
import random
import struct

import numpy as np
import pytest
import soundfile

from bot.text.voice_messages import LARGEST_BYTES, NotHeard, decode_speech
from tests.fakes.ogg_files import OggPage, ogg_of, pages_of, tone, written
from workers.opus import OpusEncoder


def heard(content: bytes) -> np.ndarray:
    return np.frombuffer(decode_speech(content), np.int16)


def trouble_with(content: bytes) -> str:
    with pytest.raises(NotHeard) as refused:
        decode_speech(content)
    return refused.value.trouble


def test_a_second_of_tone_is_a_second_at_16_khz() -> None:
    samples = heard(ogg_of(tone(1.0)))
    assert abs(len(samples) - 16_000) < 320
    spectrum = np.abs(np.fft.rfft(samples[2_000:14_000]))
    assert abs(int(spectrum.argmax()) * 16_000 / 12_000 - 220) < 3


def test_stereo_of_another_writer_is_mixed_down_to_its_length() -> None:
    file = io.BytesIO()
    soundfile.write(file, np.stack([tone(2.0), tone(2.0)], axis=1), 48_000, format="OGG", subtype="OPUS")
    samples = heard(file.getvalue())
    assert abs(len(samples) - 32_000) < 320
    assert 6_000 < np.abs(samples[4_000:-4_000].astype(int)).max() < 10_500


def test_the_end_is_cut_where_the_last_page_says() -> None:
    pages = pages_of(OpusEncoder().encode(tone(1.0)))
    pages[-1].granule = 24_000 + 312
    assert len(heard(written(pages))) == 8_000


def test_a_gain_of_six_decibels_doubles_it_and_never_wraps_round() -> None:
    packets = OpusEncoder().encode(tone(0.5, 0.6))
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 312, 48_000, 256 * 6, 0)
    plain, louder = heard(written(pages_of(packets))), heard(written(pages_of(packets, head)))
    assert np.abs(louder.astype(int)).max() == 32_767
    assert (np.sign(louder.astype(int)) * np.sign(plain.astype(int)) >= 0).all()


def test_a_file_without_sound_is_silence() -> None:
    assert len(heard(written(pages_of([])))) == 0


def test_more_than_five_minutes_are_too_long() -> None:
    packet = OpusEncoder().encode(tone(0.02))[0]
    assert trouble_with(written(pages_of([packet] * (50 * 300 + 20), packets_a_page=250))) == "too-long"


def test_more_than_eight_megabytes_are_too_long() -> None:
    assert trouble_with(bytes(LARGEST_BYTES + 1)) == "too-long"


@pytest.mark.parametrize("content", [b"", b"OggS...", b"ID3" + bytes(500), ogg_of(tone(0.2))[:-9]])
def test_what_is_no_ogg_opus_is_unreadable(content: bytes) -> None:
    assert trouble_with(content) == "unreadable"


def test_broken_packets_in_whole_pages_are_unreadable_or_noise_never_a_crash() -> None:
    """The pages are whole, the Opus in them isn't: libopus has the last word."""
    chance = random.Random(5)
    good = OpusEncoder().encode(tone(0.2))
    outcomes = set()
    for _ in range(300):
        packets = [bytearray(packet) for packet in good]
        for packet in packets:
            packet[0] = chance.randrange(256)
            packet[1:] = chance.randbytes(chance.randrange(200))
        try:
            outcomes.add(len(decode_speech(written(pages_of([bytes(packet) for packet in packets])))) >= 0)
        except NotHeard as refused:
            outcomes.add(refused.trouble == "unreadable")
    assert outcomes == {True}


def test_pages_that_claim_an_impossible_length_cost_no_memory() -> None:
    pages = pages_of(OpusEncoder().encode(tone(0.1)))
    pages[-1] = OggPage(4, (1 << 62), pages[-1].number, pages[-1].pieces)
    assert len(heard(written(pages))) < 16_000
