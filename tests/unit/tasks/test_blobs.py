import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blobs import BlobError, pack_packets, unpack_packets


@given(st.lists(st.binary(max_size=1500)))
def test_packets_come_out_as_they_went_in(packets: list[bytes]) -> None:
    assert unpack_packets(pack_packets(packets)) == tuple(packets)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1), st.data())
def test_a_cut_blob_is_noticed_or_ends_between_packets(packets: list[bytes], data: st.DataObject) -> None:
    blob = pack_packets(packets)
    cut = data.draw(st.integers(1, len(blob) - 1))
    try:
        found = unpack_packets(blob[:cut])
    except BlobError:
        return
    assert pack_packets(found) == blob[:cut]


def test_a_blob_that_ends_in_a_packet_says_which() -> None:
    with pytest.raises(BlobError, match="packet 1"):
        unpack_packets(pack_packets([b"abc", b"defg"])[:-1])
