"""The voice protocol's corners, met by a client that does nothing by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.discord.bare_client import BareClient
from tests.discord.channel import Channel
from tests.discord.events import PacketReceived, PacketRefused, VoiceClosed, VoiceMessage, VoiceResumed
from tests.discord.home import Home
from tests.discord.people.headset import SILENCE
from tests.discord.people.person import Person
from tests.discord.simulator import DiscordSimulator
from tests.discord.voice.ops import Op
from tests.discord.voice.rtp import AUDIO_LEVEL, NotRtp, RtpPacket
from tests.discord.voice.transport import AES256_GCM, XCHACHA20, Transport

OPUS = b"\xfc" + bytes(range(60))
"""As good as any: nothing here decodes it."""


@asynccontextmanager
async def call(seed: int = 13, mode: str = XCHACHA20) -> AsyncIterator[tuple[BareClient, Person]]:
    """A bare client that is about to join Asha, who has no DAVE either."""
    async with DiscordSimulator(seed=seed) as discord:
        home: Home = discord.add_guild()
        channel: Channel = home.add_voice_channel()
        asha = home.add_member("Asha")
        asha.dave_version = 0
        await asha.join(channel)
        async with BareClient(discord, home, channel, mode) as client:
            yield client, asha


async def connected(client: BareClient) -> None:
    await client.connect()
    await client.discord.journal.first(VoiceMessage, lambda event: event.op == Op.SPEAKING)


@pytest.mark.parametrize("mode", [XCHACHA20, AES256_GCM])
async def test_both_modes_carry_voice_both_ways(mode: str) -> None:
    async with call(mode=mode) as (client, asha):
        await connected(client)
        client.say(1, OPUS)
        assert (await asha.hears(1)).packets[0].opus == OPUS
        asha.headset.send_opus(OPUS)
        packet = await client.heard()
        assert (packet.payload, packet.ssrc, packet.extension) == (OPUS, asha.headset.ssrc, AUDIO_LEVEL)


async def test_a_resume_replays_what_was_missed_and_nothing_else() -> None:
    async with call() as (client, asha):
        await connected(client)
        session = await client.discord.bot_connected_to_voice()
        await asha.headset.send_packets([OPUS], 0.0)
        read = await client.read(Op.SPEAKING)
        await client.discord.voice.close(session, 4015)
        await asha.leave()
        await client.open()
        await client.resume(read["seq"])
        resumed = await client.read(Op.RESUMED)
        assert resumed == {"op": Op.RESUMED, "d": None}
        missed = [message["op"] for message in client.messages[client.messages.index(read) + 2 : -1]]
        assert missed == [Op.SPEAKING, Op.CLIENT_DISCONNECT]
        event = await client.discord.journal.first(VoiceResumed)
        assert (event.seq_ack, event.replayed) == (read["seq"], 2)
        client.say(9, OPUS)  # over the same key and address as before
        await client.discord.journal.first(PacketReceived)


async def test_a_session_that_was_ended_cant_be_resumed() -> None:
    async with call() as (client, _asha):
        await connected(client)
        await client.discord.voice.close(await client.discord.bot_connected_to_voice(), 4006)
        assert await client.close_code() == 4006
        await client.open()
        await client.resume(0)
        assert await client.close_code() == 4006


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"token": "stolen"}, 4004), ({"session_id": "older"}, 4006), ({"user_id": "1"}, 4006)],
)
async def test_who_identifies_wrongly_is_turned_away(wrong: dict[str, str], code: int) -> None:
    async with call() as (client, _asha):
        await client.open()
        await client.identify(**wrong)
        assert await client.close_code() == code


@pytest.mark.parametrize(("op", "code"), [(Op.SPEAKING, 4003), (99, 4003)])
async def test_nothing_is_taken_from_someone_unknown(op: int, code: int) -> None:
    async with call() as (client, _asha):
        await client.open()
        await client.send(op, {})
        assert await client.close_code() == code


async def test_nonsense_closes_the_socket() -> None:
    async with call() as (client, _asha):
        await client.open()
        await client.socket.send_str("{")
        assert await client.close_code() == 4002
        await client.open()
        await client.identify()
        await client.read(Op.READY)
        await client.send(99, {})
        assert await client.close_code() == 4001
        await client.open()
        await client.identify()
        await client.send(
            Op.SELECT_PROTOCOL, {"protocol": "udp", "data": {"address": "", "port": 0, "mode": "xsalsa20"}}
        )
        assert await client.close_code() == 4016


async def test_heartbeats_and_keepalives_are_answered() -> None:
    async with call() as (client, _asha):
        await connected(client)
        await client.send(Op.HEARTBEAT, {"t": 1234, "seq_ack": 3})
        assert (await client.read(Op.HEARTBEAT_ACK))["d"] == {"t": 1234}
        client.send_datagram(bytes(8))
        assert await client.received() == bytes(8)


async def test_forged_and_foreign_datagrams_are_refused() -> None:
    async with call() as (client, _asha):
        await connected(client)
        journal = client.discord.journal
        sealed = client.transport.seal(RtpPacket(1, 960, client.ssrc, OPUS))
        for datagram in (
            sealed[:30] + bytes([sealed[30] ^ 1]) + sealed[31:],
            bytes([sealed[0], sealed[1] ^ 1]) + sealed[2:],
            sealed[:20],
            b"hello",
            client.transport.seal(RtpPacket(1, 960, client.ssrc + 1, OPUS)),
            Transport(client.mode, bytes(32)).seal(RtpPacket(1, 960, client.ssrc, OPUS)),
        ):
            since = journal.mark()
            client.send_datagram(datagram)
            assert (await journal.first(PacketRefused, since=since)).datagram == datagram
        assert not journal.all(PacketReceived)


async def test_the_first_packets_may_come_before_op_5() -> None:
    async with call() as (client, asha):
        await connected(client)
        asha.headset.habits.speaking_after_packets = 3
        await asha.headset.send_packets([OPUS] * 4, 0.0)
        assert [(await client.heard()).payload for _ in range(9)] == [OPUS] * 4 + [SILENCE] * 5
        speaking = await client.read(Op.SPEAKING)
        assert speaking["d"] == {"user_id": str(asha.id), "ssrc": asha.headset.ssrc, "speaking": 1}


async def test_odd_but_lawful_packets_keep_their_payload() -> None:
    async with call() as (client, asha):
        await connected(client)
        habits = asha.headset.habits
        habits.padding, habits.csrcs, habits.has_extension = 7, (1, 2, 3), False
        asha.headset.send_opus(OPUS)
        packet = await client.heard()
        assert (packet.payload, packet.padding, packet.csrcs, packet.extension) == (OPUS, 7, (1, 2, 3), None)


async def test_what_isnt_voice_arrives_on_the_same_socket() -> None:
    async with call() as (client, asha):
        await connected(client)
        session = await client.discord.bot_connected_to_voice()
        session.hear(RtpPacket(1, 960, asha.headset.ssrc + 1, OPUS, payload_type=103))
        assert (await client.heard()).payload_type == 103
        session.send_rtcp()
        assert 192 <= (await client.received())[1] <= 223
        session.send_datagram(bytes(4_000))
        with pytest.raises(NotRtp):
            await client.heard()


async def heard_in_bad_weather(client: BareClient, asha: Person) -> list[int]:
    """What is left of a hundred packets, in the order it came."""
    weather = client.discord.voice.faults.downlink
    weather.loss, weather.duplicates, weather.reorder = 0.1, 0.1, 0.1
    asha.headset.sequence = 0
    for _ in range(100):
        asha.headset.send_opus(OPUS)
    weather.loss = weather.duplicates = weather.reorder = 0.0
    asha.headset.send_opus(b"the end")
    heard = []
    async with asyncio.timeout(10):
        while (packet := await client.heard()).payload != b"the end":
            heard.append(packet.sequence)
    return heard


async def sequences_heard(seed: int) -> list[int]:
    async with call(seed) as (client, asha):
        await connected(client)
        return await heard_in_bad_weather(client, asha)


async def test_the_weather_is_bad_and_the_same_for_the_same_seed() -> None:
    heard = await sequences_heard(21)
    assert 80 <= len({*heard}) < 100, "some are lost"
    assert len(heard) > len({*heard}), "some come twice"
    assert heard != sorted(heard), "some overtake others"
    assert heard == await sequences_heard(21)
    assert heard != await sequences_heard(22)


async def test_who_connects_again_meets_other_mishaps_and_each_link_counts_its_own() -> None:
    async with call(21) as (client, asha):
        heard = []
        for _ in range(2):
            mark = client.discord.journal.mark()
            await client.connect()
            await client.discord.journal.first(VoiceMessage, lambda event: event.op == Op.SPEAKING, since=mark)
            heard.append(await heard_in_bad_weather(client, asha))
            link = (await client.discord.bot_connected_to_voice(since=mark)).downlink
            assert (link.sent, link.lost) == (101, 100 - len({*heard[-1]}))
        assert heard[0] != heard[1]


async def test_a_packet_that_nothing_overtakes_is_late_but_comes() -> None:
    async with call() as (client, asha):
        await connected(client)
        client.discord.voice.faults.downlink.reorder = 1.0
        asha.headset.send_opus(OPUS)
        assert (await client.heard()).payload == OPUS


async def test_a_heartbeat_is_answered_and_says_what_was_read() -> None:
    async with call() as (client, _asha):
        await connected(client)
        session = await client.discord.bot_connected_to_voice()
        assert session.acknowledged == -1
        await client.send(Op.HEARTBEAT, {"t": 7, "seq_ack": 2})
        assert (await client.read(Op.HEARTBEAT_ACK))["d"] == {"t": 7}
        assert session.acknowledged == 2


async def test_without_heartbeats_a_client_is_closed_and_its_session_is_over() -> None:
    async with call() as (client, asha):
        client.discord.voice.servers[0].heartbeat_seconds = 0.2
        await connected(client)
        assert await client.close_code() == 4009
        await client.discord.journal.first(VoiceClosed)
        assert client.discord.world.bot.id not in asha.headset.room.seats
        await client.open()
        await client.resume(0)
        assert await client.close_code() == 4006
