"""Our voice client on the simulated Discord: the real nextcord, real sockets, real TLS, real DAVE, real sound."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.turns import Playable
from bot.voice.client import VoiceConnection
from bot.voice.closing import Ended
from bot.voice.gateway import VoiceGateway
from bot.voice.rtp import Drop
from tests.discord.events import VoiceConnected, VoiceMessage, VoiceResumed, VoiceStateChanged
from tests.discord.people.person import Person
from tests.discord.voice.network import Weather
from tests.fakes.dave_group import Group
from tests.fakes.recording_ears import RecordingEars
from tests.fakes.voice_packets import spoken, tone
from tests.integration.voice_acts import heard_whole, pitch_hz, sealed_with, she_comes_through, she_is_heard
from tests.integration.voice_seat import Stage, stage

pytestmark = pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float':DeprecationWarning")


@pytest_asyncio.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with stage(monkeypatch) as set_up:
        yield set_up


@pytest_asyncio.fixture
async def asha(scene: Stage) -> Person:
    person = scene.home.add_member("Asha")
    await person.join(scene.channel)
    return person


# Hearing


async def test_someone_speaks_in_a_sealed_call_and_is_heard_under_their_name(scene: Stage, asha: Person) -> None:
    seat = await scene.join()
    await she_is_heard(scene, asha)
    assert seat.group.is_sealed
    await heard_whole(scene, asha)


async def test_in_a_call_without_end_to_end_encryption_all_is_the_same(scene: Stage) -> None:
    asha = scene.home.add_member("Asha")
    asha.dave_version = 0
    await asha.join(scene.channel)
    seat = await scene.join()
    await heard_whole(scene, asha)
    await she_is_heard(scene, asha)
    assert not seat.group.is_sealed


@pytest.mark.parametrize("mode", ["aead_xchacha20_poly1305_rtpsize", "aead_aes256_gcm_rtpsize"])
async def test_either_transport_mode_will_do(scene: Stage, asha: Person, mode: str) -> None:
    scene.discord.voice.faults.modes = (mode,)
    seat = await scene.join()
    assert seat.mode == mode
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha)


async def test_two_who_talk_over_each_other_are_told_apart(scene: Stage, asha: Person) -> None:
    ben = scene.home.add_member("Ben")
    await ben.join(scene.channel)
    await scene.join()
    await she_is_heard(scene, asha)
    async with asyncio.TaskGroup() as both:
        both.create_task(heard_whole(scene, asha, 1.0, 200))
        both.create_task(heard_whole(scene, ben, 1.0, 330))


async def test_a_bad_network_costs_no_words(scene: Stage, asha: Person) -> None:
    scene.discord.voice.faults.downlink = weather = Weather()
    await scene.join()
    await she_is_heard(scene, asha)
    weather.loss, weather.duplicates, weather.reorder = 0.02, 0.02, 0.05
    await asha.speak(tone(3.0))
    await scene.ears.until(lambda: scene.ears.seconds(asha.id) >= 2.9)
    assert pitch_hz(scene.ears.samples(asha.id)) == pytest.approx(200, abs=3)


async def test_who_speaks_before_the_gateway_names_them_is_heard_from_the_first_word(
    scene: Stage, asha: Person
) -> None:
    await scene.join()
    await she_is_heard(scene, asha)
    asha.headset.habits.speaking_after_packets = 30
    await heard_whole(scene, asha)


async def test_what_servers_add_to_packets_does_no_harm(scene: Stage, asha: Person) -> None:
    await scene.join()
    await she_is_heard(scene, asha)
    asha.headset.habits.padding = 7
    asha.headset.habits.csrcs = (1, 2)
    await heard_whole(scene, asha)


async def test_who_did_not_agree_is_never_opened(scene: Stage, asha: Person) -> None:
    ben = scene.home.add_member("Ben")
    await ben.join(scene.channel)
    scene.ears = RecordingEars(lambda user_id: user_id == ben.id)
    seat = await scene.join()
    await she_is_heard(scene, ben)
    await asha.speak(tone(0.4))
    await heard_whole(scene, ben)
    assert set(scene.ears.sound) == {ben.id}
    assert seat.dropped[Drop.NOT_HEARD] >= 20


async def test_the_end_of_what_somebody_says_is_told_as_silence(scene: Stage, asha: Person) -> None:
    await scene.join()
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha, 0.6)
    await scene.ears.until(lambda: scene.ears.silence_ms[asha.id] >= 500)


async def test_who_leaves_is_told_to_have_left(scene: Stage, asha: Person) -> None:
    await scene.join()
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha, 0.6)
    await asha.leave()
    await scene.ears.until(lambda: scene.ears.left == [asha.id])


# End-to-end encryption as people come and go


async def test_people_come_and_go_in_the_middle_of_a_sentence(scene: Stage, asha: Person) -> None:
    ben = scene.home.add_member("Ben")
    await scene.join()
    await she_is_heard(scene, asha)
    speaking = asyncio.create_task(heard_whole(scene, asha, 2.0))
    await asyncio.sleep(0.5)  # in the middle of it
    await ben.join(scene.channel)
    await sealed_with(scene, ben)
    await she_comes_through(scene, ben)
    await she_is_heard(scene, ben)
    await ben.leave()
    await speaking
    await she_comes_through(scene, asha)
    await she_is_heard(scene, asha)


async def test_a_call_is_downgraded_for_a_guest_and_upgraded_again(scene: Stage, asha: Person) -> None:
    guest = scene.home.add_member("Guest")
    guest.dave_version = 0
    seat = await scene.join()
    await she_is_heard(scene, asha)
    await guest.join(scene.channel)
    await she_comes_through(scene, guest)
    await she_is_heard(scene, guest)
    await heard_whole(scene, asha)
    assert not seat.group.is_sealed
    await guest.leave()
    await she_comes_through(scene, asha)
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha)
    async with asyncio.timeout(5):
        while not seat.group.is_sealed:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    await she_is_heard(scene, asha)


async def test_a_group_that_is_founded_anew_is_followed(scene: Stage, asha: Person) -> None:
    await scene.join()
    await she_is_heard(scene, asha)
    mark = scene.discord.journal.mark()
    await scene.discord.voice.room(scene.channel.id).dave.renew()
    await sealed_with(scene, asha, since=mark)
    await she_comes_through(scene, asha)
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha)


async def test_alone_in_a_call_she_waits_for_company(scene: Stage) -> None:
    await scene.join()
    asha = scene.home.add_member("Asha")
    await asha.join(scene.channel)
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha)


# Connections that break


async def crash(scene: Stage) -> None:
    session = await scene.discord.bot_connected_to_voice()
    socket, session.socket = session.socket, None  # else the simulator believes that we said goodbye
    assert socket is not None
    await socket.close(code=4015)


async def test_a_crash_in_the_middle_of_joining_the_group_is_made_good(scene: Stage, asha: Person) -> None:
    await scene.join(group_seconds=0.5)
    await crash(scene)
    await scene.discord.journal.first(VoiceResumed)
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha)


async def test_sound_goes_on_while_the_websocket_is_resumed(scene: Stage, asha: Person) -> None:
    await scene.join()
    await she_is_heard(scene, asha)
    speaking = asyncio.create_task(heard_whole(scene, asha, 1.5))
    await asyncio.sleep(0.3)
    await crash(scene)
    await speaking


@pytest.mark.parametrize("code", [4006, 4009, 4011])
async def test_a_session_that_is_over_is_begun_anew(scene: Stage, asha: Person, code: int) -> None:
    await scene.join()
    await she_is_heard(scene, asha)
    session = await scene.discord.bot_connected_to_voice()
    mark = scene.discord.journal.mark()
    await scene.discord.voice.end(session, code)
    await scene.discord.journal.first(VoiceConnected, since=mark)
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha)
    assert scene.ears.reasons == []


async def test_ears_that_broke_are_made_anew(scene: Stage, asha: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    seat = await scene.join()
    await she_is_heard(scene, asha)
    mark = scene.discord.journal.mark()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        monkeypatch.setattr(seat._receiving, "_udp", closed)
    await asha.speak(tone(0.1))
    await scene.discord.journal.first(VoiceConnected, since=mark)
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha)
    assert scene.ears.reasons == []


async def test_a_resume_that_is_refused_becomes_a_new_session(scene: Stage, asha: Person) -> None:
    await scene.join()
    scene.discord.voice.faults.close_resume_with = [4006]
    await crash(scene)
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha)


async def test_a_resume_that_fails_twice_becomes_a_new_session(scene: Stage, asha: Person) -> None:
    await scene.join()
    faults = scene.discord.voice.faults
    faults.close_resume_with = [4015] * 8
    await crash(scene)
    await she_is_heard(scene, asha)
    assert len(faults.close_resume_with) == 6
    faults.close_resume_with.clear()
    await heard_whole(scene, asha)


async def test_a_first_identify_that_fails_is_tried_again(scene: Stage, asha: Person) -> None:
    scene.discord.voice.faults.close_identify_with = [4006]
    await scene.join()
    await she_is_heard(scene, asha)


async def test_a_server_that_will_never_have_us_is_given_up(scene: Stage) -> None:
    scene.discord.voice.faults.close_identify_with = [4017]
    with pytest.raises(TimeoutError):
        await scene.join()
    assert scene.client.voice_clients == []


async def test_without_a_voice_server_joining_times_out_and_leaves_nothing(scene: Stage) -> None:
    scene.discord.voice_states.sends_server_updates = False
    with pytest.raises(TimeoutError):
        await scene.join(seconds=0.3)
    assert scene.client.voice_clients == []


async def test_who_is_put_out_stays_out_and_says_why(scene: Stage, asha: Person) -> None:
    seat = await scene.join()
    await she_is_heard(scene, asha)
    mark = scene.discord.journal.mark()
    await scene.home.kick_bot_from_voice()
    await scene.ears.until(lambda: scene.ears.reasons == [Ended.REMOVED])
    assert not seat.is_connected()
    assert len(scene.discord.journal.all(VoiceStateChanged, since=mark)) == 1
    assert await scene.join() is not seat
    await she_is_heard(scene, asha)


async def test_put_out_before_she_sat_she_is_nowhere(scene: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, threads = VoiceGateway.begin, ("voice-receive", "voice-send")

    async def put_out_first(connection: VoiceConnection, resume_from: int | None = None) -> VoiceGateway:
        state: Any = {"session_id": connection.session_id, "channel_id": None}
        await connection.on_voice_state_update(state)
        return await begin(connection, resume_from)  # the voice server doesn't know it yet

    monkeypatch.setattr(VoiceGateway, "begin", put_out_first)
    with pytest.raises(TimeoutError):
        await scene.join()
    assert scene.ears.reasons == [Ended.REMOVED]
    assert not scene.client.voice_clients
    assert not [thread for thread in threading.enumerate() if thread.name in threads]


async def test_when_moved_to_another_channel_she_hears_and_speaks_there(scene: Stage, asha: Person) -> None:
    other = scene.added_channel
    ben = scene.home.add_member("Ben")
    await ben.join(other)
    seat = await scene.join()
    await she_is_heard(scene, asha)
    await scene.home.move_bot(other)
    await she_comes_through(scene, ben)
    await she_is_heard(scene, ben)
    await heard_whole(scene, ben)
    assert getattr(seat.channel, "id", None) == other.id
    assert scene.ears.reasons == []


async def test_a_region_is_moved_in_the_middle_of_her_sentence_and_no_word_is_lost(scene: Stage, asha: Person) -> None:
    seat = await scene.join()
    await she_is_heard(scene, asha)
    before = asha.sounds_heard()
    speech = seat.player.start("long")
    speech.add(Playable(0, tuple(spoken(1.5)), None))
    speech.finish()
    await asha.hears(before + 20)
    await scene.home.move_region()
    await asha.hears(before + 60)  # but for what was on its way to the server that is gone, until she knew
    await scene.ears.until(lambda: speech in scene.ears.speeches)
    assert speech.sent_ms == {0: 1500}


async def test_between_two_servers_she_waits_as_long_as_discord_needs(scene: Stage, asha: Person) -> None:
    seat = await scene.join(grace_seconds=0.05)
    await she_is_heard(scene, asha)
    await scene.discord.voice_states.send_server_update(scene.home.guild, has_endpoint=False)
    async with asyncio.timeout(5):
        while not seat.is_between_servers:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    await scene.discord.voice.end(await scene.discord.bot_connected_to_voice(), 4014)
    await asyncio.sleep(0.3)  # longer than the grace
    await scene.home.move_region()
    await she_is_heard(scene, asha)
    await heard_whole(scene, asha)


async def test_when_nobody_can_be_understood_the_group_is_joined_anew(scene: Stage, asha: Person) -> None:
    seat = await scene.join()
    await she_is_heard(scene, asha)
    wrong = Group(asha.id, scene.home.bot.id)[scene.home.bot.id].ratchets(asha.id)
    seat.post(lambda receiver: receiver.sealed_speech.begin(1))
    seat.post(lambda receiver: receiver.sealed_speech.install(wrong))
    mark = scene.discord.journal.mark()
    await asha.speak(tone(1.0))
    await scene.discord.journal.first(VoiceMessage, lambda event: event.op == 31, since=mark)
    await sealed_with(scene, asha, since=mark)
    await heard_whole(scene, asha)
    await she_is_heard(scene, asha)


async def test_leaving_leaves_nothing_behind(scene: Stage, asha: Person) -> None:
    import threading

    seat = await scene.join()
    await she_is_heard(scene, asha)
    socket = seat.socket
    await seat.disconnect()
    await seat.disconnect()
    assert scene.ears.reasons == [Ended.ASKED]
    assert socket.fileno() == -1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("voice-")]
    assert scene.client.voice_clients == []
