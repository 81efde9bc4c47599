"""The simulator is honest: a client that shares no code with nextcord, libdave or ours speaks and listens in it."""

import pytest

from config.audio import HEARD_RATE_HZ
from tests.discord.events import DaveExecuted, VoiceConnected
from tests.discord.simulator import DiscordSimulator
from tests.discord.sounds import pitch, tone
from workers.opus import OpusEncoder

pytest.importorskip("davey", reason="make setup installs discord.py and davey for this test")

from bot.voice.opus import decode_packets
from tests.discord.independent import Ears, discord_py, running

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # discord.py's own


class Packets(discord_py.AudioSource):
    def __init__(self, packets: list[bytes]) -> None:
        self._packets = iter(packets)

    def read(self) -> bytes:
        return next(self._packets, b"")

    def is_opus(self) -> bool:
        return True


@pytest.mark.parametrize("dave_version", [0, 1])
async def test_discord_py_with_davey_speaks_and_listens(dave_version: int) -> None:
    async with DiscordSimulator(seed=7) as discord:
        home = discord.add_guild()
        channel, asha, ravi = home.add_voice_channel(), home.add_member("Asha"), home.add_member("Ravi")
        discord.voice.faults.largest_dave_version = dave_version
        await asha.join(channel)
        async with running(discord) as client:
            voice = await client.get_channel(channel.id).connect(timeout=10)
            await discord.journal.first(VoiceConnected)
            ears = Ears(voice, {asha.headset.ssrc: asha.id})
            ears.listen()
            if dave_version:
                await discord.journal.first(DaveExecuted, lambda event: len(event.members) == 2)
            await ravi.join(channel)
            if dave_version:
                await discord.journal.first(DaveExecuted, lambda event: len(event.members) == 3)
            since = discord.journal.mark()
            await ravi.leave()
            if dave_version:
                await discord.journal.first(DaveExecuted, lambda event: len(event.members) == 2, since=since)
            voice.play(Packets(OpusEncoder().encode(tone(1.0, 440))))
            heard = await asha.hears(45)
            assert heard.undecryptable() == 0
            assert pitch(heard.pcm()) == pytest.approx(440, abs=5)
            assert (heard.packets[-1].sent != heard.packets[-1].opus) == bool(dave_version)
            await asha.speak(tone(1.0, 300))
            packets = await ears.packets(asha.id, 50)
            assert not ears.refused
            assert pitch(decode_packets(packets[:50], HEARD_RATE_HZ)) == pytest.approx(300, abs=5)
            await voice.disconnect(force=True)
