"""What is a voice packet, and what isn't."""

import pytest

from bot.voice.rtp import LONGEST_BYTES, Drop, RtpHeader, read_header, strip, write_header
from bot.voice.transport import Transport
from tests.fakes.voice_packets import KEY, Wire

SPEECH = b"twenty milliseconds"


def opened(packet: bytes) -> bytes | Drop:
    header = read_header(packet)
    assert isinstance(header, RtpHeader)
    plain = Transport("aead_xchacha20_poly1305_rtpsize", KEY).open(packet, header.clear_bytes)
    assert plain is not None
    return strip(plain, header)


def test_a_plain_packet_says_who_and_when() -> None:
    packet = Wire(ssrc=77, sequence=65_535, timestamp=4_294_967_295).packet(SPEECH)
    assert read_header(packet) == RtpHeader(65_535, 4_294_967_295, 77, 12, 0, False)
    assert opened(packet) == SPEECH


@pytest.mark.parametrize("csrc", [0, 1, 15])
@pytest.mark.parametrize("extension", [None, b"", b"abcd", b"abcdefgh"])
@pytest.mark.parametrize("padding", [0, 1, 4, 255])
def test_whatever_an_sfu_adds_is_taken_off_again(csrc: int, extension: bytes | None, padding: int) -> None:
    assert opened(Wire().packet(SPEECH, csrc=csrc, extension=extension, padding=padding)) == SPEECH


@pytest.mark.parametrize("payload_type", [0, 101, 102, 119, 121])
def test_what_is_no_opus_is_foreign(payload_type: int) -> None:
    assert read_header(Wire().packet(SPEECH, payload_type=payload_type)) is Drop.FOREIGN


def test_the_marker_bit_changes_nothing() -> None:
    assert isinstance(read_header(Wire().packet(SPEECH, payload_type=120 | 0x80)), RtpHeader)


@pytest.mark.parametrize("second", range(192, 224))
def test_rtcp_is_told_apart(second: int) -> None:
    assert read_header(b"\x81" + bytes([second]) + bytes(60)) is Drop.RTCP


@pytest.mark.parametrize("first", [0x00, 0x40, 0xC0])
def test_another_version_is_no_rtp(first: int) -> None:
    assert read_header(bytes([first, 120]) + bytes(60)) is Drop.NOT_RTP


def test_too_short_and_too_long_are_dropped() -> None:
    packet = Wire().packet(b"")
    assert isinstance(read_header(packet), RtpHeader)
    assert read_header(packet[:-1]) is Drop.TOO_SHORT
    assert read_header(b"") is Drop.TOO_SHORT
    assert read_header(packet + bytes(LONGEST_BYTES)) is Drop.TOO_LONG


def test_an_extension_or_csrcs_beyond_the_end_are_malformed() -> None:
    packet = Wire().packet(b"")
    assert read_header(bytes([0x8F]) + packet[1:]) is Drop.MALFORMED
    assert read_header(bytes([0x9F]) + packet[1:]) is Drop.MALFORMED
    assert read_header(bytes([0x90]) + packet[1:12] + b"\xbe\xde\xff\xff" + packet[12:]) is Drop.MALFORMED


@pytest.mark.parametrize("plain", [b"", b"\x00", b"\x02", b"abc\x05"])
def test_padding_that_can_not_be_is_malformed(plain: bytes) -> None:
    assert strip(plain, RtpHeader(1, 1, 1, 12, 0, True)) is Drop.MALFORMED


def test_padding_does_not_eat_the_extension() -> None:
    assert strip(b"wordx\x03", RtpHeader(1, 1, 1, 16, 4, True)) is Drop.MALFORMED
    assert strip(b"wordx\x02", RtpHeader(1, 1, 1, 16, 4, True)) == b""


def test_our_own_header_is_read_back() -> None:
    header = read_header(write_header(65_536, 2**32 + 5, 9) + bytes(40))
    assert header == RtpHeader(0, 5, 9, 12, 0, False)
