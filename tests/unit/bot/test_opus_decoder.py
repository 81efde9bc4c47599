"""From packets to what Whisper hears, with packets lost on the way."""

import ctypes
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from bot.local.wavs import decode
from bot.voice.opus import OpusDecoder, Samples, decode_packets
from config import libopus as finding
from config.audio import SPOKEN_RATE_HZ
from config.libopus import LibopusMissing, OpusError, libopus
from workers.opus import OpusEncoder

PITCH_HZ = 220.0


def voice_like(seconds: float) -> np.ndarray:
    """Harmonics of a gliding pitch, so that one frame says little about the next."""
    times = np.arange(round(seconds * 48_000)) / 48_000
    phase = 2 * np.pi * (PITCH_HZ * times + 40 * times**2)
    harmonics = [np.sin(k * phase) / k for k in range(1, 12)]
    return (0.1 * np.sum(harmonics, axis=0)).astype(np.float32)


@pytest.fixture
def packets() -> list[bytes]:
    return OpusEncoder().encode(voice_like(1.0))


def decode_without(lost: set[int], packets: list[bytes], recovering: bool) -> Samples:
    decoder = OpusDecoder(16_000)
    heard = []
    for index, packet in enumerate(packets):
        if index not in lost:
            heard.append(decoder.decode(packet))
        elif recovering and index + 1 not in lost:
            heard.append(decoder.recover(packets[index + 1]))
        else:
            heard.append(decoder.conceal())
    return np.concatenate(heard)


def test_speech_is_decoded_straight_to_16_khz(packets: list[bytes]) -> None:
    pcm = decode_packets(packets, 16_000)
    assert pcm.dtype == np.int16
    assert len(pcm) == 320 * len(packets)
    spectrum = np.abs(np.fft.rfft(pcm[1600:4800]))
    assert abs(np.argmax(spectrum) * 16_000 / 3200 - (PITCH_HZ + 80 * 0.2)) < 25


def test_a_lost_packet_comes_back_from_the_next_one_better_than_from_a_guess(packets: list[bytes]) -> None:
    lost = set(range(5, 45, 8))
    whole = decode_packets(packets, 16_000).astype(float)
    errors = [
        np.mean((decode_without(lost, packets, recovering).astype(float) - whole) ** 2) for recovering in (True, False)
    ]
    assert errors[0] < 0.6 * errors[1]


def test_a_gap_is_filled_and_fades_to_silence(packets: list[bytes]) -> None:
    decoder = OpusDecoder(16_000)
    for packet in packets[:30]:
        decoder.decode(packet)
    gap = decoder.conceal(50).astype(float)
    assert len(gap) == 50 * 320
    assert np.abs(gap[:320]).max() > 500
    assert np.abs(gap[-3200:]).max() < 100


def test_an_empty_packet_is_a_lost_one(packets: list[bytes]) -> None:
    decoder = OpusDecoder(48_000)
    decoder.decode(packets[0])
    assert len(decoder.decode(b"")) == 960
    assert len(decoder.recover(b"")) == 960


def test_a_broken_packet_is_refused_and_the_next_one_still_decodes(packets: list[bytes]) -> None:
    decoder = OpusDecoder(48_000)
    with pytest.raises(OpusError, match="corrupted"):
        decoder.decode(b"\xff\xff\xff")
    with pytest.raises(OpusError):
        decoder.recover(b"\xff\xff\xff")
    assert len(decoder.decode(packets[0])) == 960


def test_noise_instead_of_packets_never_brings_it_down() -> None:
    rng = np.random.default_rng(11)
    decoder = OpusDecoder(16_000)
    decoded = 0
    for _ in range(500):
        packet = rng.bytes(int(rng.integers(1, 400)))
        try:
            decoded += len(decoder.decode(packet))
        except OpusError:
            continue
    assert decoded > 0


def test_packets_of_60_ms_and_in_stereo_are_taken_as_well(packets: list[bytes]) -> None:
    table_of_contents = packets[5][0] | 0b11  # RFC 6716, 3.2.5: a counted number of frames
    three = bytes([table_of_contents, 3]) + packets[5][1:2] * 90
    assert len(OpusDecoder(16_000).decode(three)) == 960
    silent_stereo = b"\xfc\xff\xfe"  # what Discord sends when somebody stops talking
    assert not OpusDecoder(16_000).decode(silent_stereo).any()


def test_reset_forgets_the_stream_before(packets: list[bytes]) -> None:
    fresh, used = OpusDecoder(48_000), OpusDecoder(48_000)
    for packet in packets[:20]:
        used.decode(packet)
    used.reset()
    np.testing.assert_array_equal(used.decode(packets[20]), fresh.decode(packets[20]))


def test_what_was_returned_is_not_overwritten_by_the_next_packet(packets: list[bytes]) -> None:
    decoder = OpusDecoder(48_000)
    first = decoder.decode(packets[10])
    kept = first.copy()
    decoder.decode(packets[11])
    np.testing.assert_array_equal(first, kept)


def test_libopus_is_taken_from_pyavs_wheel_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "find_library", lambda _: None)
    libopus.cache_clear()
    assert finding.version_of(libopus()) >= finding.NEEDED_VERSION


def test_a_broken_system_library_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "libopus.so.0"
    broken.write_bytes(b"no library")
    monkeypatch.setattr(finding, "find_library", lambda _: str(broken))
    libopus.cache_clear()
    assert isinstance(libopus(), ctypes.CDLL)


def test_without_any_libopus_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "find_library", lambda _: "libc.so.6")
    monkeypatch.setattr(finding, "find_spec", lambda _: None)
    libopus.cache_clear()
    with pytest.raises(LibopusMissing, match=r"libc\.so\.6.*install Debian's libopus0"):
        libopus()
    libopus.cache_clear()


def test_finding_libopus_does_not_import_pyav() -> None:
    assert importlib.util.find_spec("av") is not None
    import subprocess
    import sys

    code = "import sys; from config.libopus import libopus; libopus(); sys.exit('av' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_goes_on_with_the_same_decoder_sounds_as_if_it_had_come_at_once(packets: list[bytes]) -> None:
    decoder = OpusDecoder(SPOKEN_RATE_HZ)
    in_parts = np.concatenate([decode(packets[:20], decoder), decode(packets[20:], decoder)])
    apart = np.concatenate([decode(packets[:20]), decode(packets[20:])])
    assert np.array_equal(in_parts, decode(packets))
    assert not np.array_equal(apart, decode(packets))
