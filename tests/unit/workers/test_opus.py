"""The packets that Discord plays."""

import numpy as np
import pytest

from bot.voice.opus import decode_packets
from config.audio import SPOKEN_FRAME_SAMPLES, SPOKEN_RATE_HZ
from workers.opus import LONGEST_PACKET_BYTES, OpusEncoder


def tone(samples: int, pitch_hz: float = 440.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * pitch_hz * np.arange(samples) / SPOKEN_RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 100, 647, 648, 649, 960, 961, 48_000, 48_001])
def test_all_of_the_sound_and_the_lookahead_fit_into_the_packets(samples: int) -> None:
    encoder = OpusEncoder()
    packets = encoder.encode(tone(samples))
    needed = samples + encoder.lookahead_samples
    assert len(packets) == -(-needed // SPOKEN_FRAME_SAMPLES)
    assert len(decode_packets(packets)) == len(packets) * SPOKEN_FRAME_SAMPLES


def test_a_beep_at_the_very_end_comes_out_whole() -> None:
    pcm = np.concatenate([np.zeros(9_600 + 700, np.float32), tone(480, 1000)])
    encoder = OpusEncoder()
    decoded = decode_packets(encoder.encode(pcm)).astype(np.float32) / 32768
    beep = decoded[10_300 + encoder.lookahead_samples :][:480]
    assert np.sqrt(np.mean(beep**2)) > 0.6 * np.sqrt(np.mean(pcm[-480:] ** 2))


def test_every_packet_is_one_mono_frame_of_20_ms_at_48_khz() -> None:
    for packet in OpusEncoder().encode(tone(SPOKEN_RATE_HZ)):
        stereo, frames_in_packet = packet[0] >> 2 & 1, packet[0] & 3  # RFC 6716, 3.1
        assert (stereo, frames_in_packet) == (0, 0)
        assert 1 <= len(packet) <= LONGEST_PACKET_BYTES
        assert len(decode_packets([packet])) == SPOKEN_FRAME_SAMPLES


def test_no_samples_are_no_packets() -> None:
    assert OpusEncoder().encode(np.empty(0, np.float32)) == []


def test_int16_and_float_give_the_same_packets() -> None:
    whole = np.round(tone(9_600) * 32768).astype(np.int16)
    assert OpusEncoder().encode(whole) == OpusEncoder().encode((whole / 32768).astype(np.float32))


def test_a_slice_of_an_array_is_encoded_as_its_copy_is() -> None:
    strided = np.repeat(tone(9_600), 2).astype(np.float32)[::2]
    assert OpusEncoder().encode(strided) == OpusEncoder().encode(tone(9_600))


def test_loud_nonsense_is_survived() -> None:
    wild = np.full(9_600, 1e9, np.float32)
    assert len(OpusEncoder().encode(wild)) == 11


def test_segments_encoded_apart_join_without_a_click_in_one_decoder() -> None:
    fade = np.linspace(0, 1, 960, dtype=np.float32)
    segment = tone(48_000, 300)
    segment[:960] *= fade
    segment[-960:] *= fade[::-1]
    first, second = OpusEncoder().encode(segment), OpusEncoder().encode(segment)
    decoded = decode_packets([*first, *second]).astype(np.float32) / 32768
    steps = np.abs(np.diff(decoded))
    join = len(first) * SPOKEN_FRAME_SAMPLES
    within = steps[9_600:38_400].max()
    assert steps[join - 960 : join + 960].max() <= within


def test_bits_per_second_are_kept_to() -> None:
    noise = np.random.default_rng(7).normal(0, 0.1, SPOKEN_RATE_HZ).astype(np.float32)
    for wanted in (24_000, 64_000):
        bits = sum(map(len, OpusEncoder(wanted).encode(noise))) * 8
        assert 0.7 * wanted < bits < 1.3 * wanted
