"""Someone in a guild who can write, use commands, and talk."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from config.audio import SPOKEN_RATE_HZ
from tests.discord.channel import Channel
from tests.discord.events import InteractionAnswered, InteractionFollowed, Json
from tests.discord.journal import PATIENCE_SECONDS
from tests.discord.member import Member, VoiceState
from tests.discord.message import VOICE_MESSAGE, Message
from tests.discord.people.headset import Headset, Heard
from tests.discord.rest.interactions import Interaction
from workers.opus import OpusEncoder

if TYPE_CHECKING:
    from tests.discord.guild import Guild
    from tests.discord.simulator import DiscordSimulator

SUBCOMMANDS: Final = {1, 2}
"""Types of options that are words of a command."""

type Pcm = npt.NDArray[np.int16] | npt.NDArray[np.float32]


class Person:
    """Belongs to the simulator's loop."""

    def __init__(self, discord: "DiscordSimulator", guild: "Guild", member: Member) -> None:
        self.discord = discord
        self.guild = guild
        self.member = member
        self.dave_version = 1
        """The newest DAVE that this person's client knows; 0 turns it off for every call they join."""
        self._headset: Headset | None = None

    @property
    def id(self) -> int:
        return self.member.id

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    # Voice

    @property
    def headset(self) -> Headset:
        assert self._headset is not None, f"{self.member.user.name} is in no voice channel"
        return self._headset

    async def join(self, channel: Channel) -> None:
        """Into a voice channel, from none or from another."""
        await self._hang_up()
        self._headset = Headset(self.id, self.discord.voice.room(channel.id), self.dave_version, str(self.discord.seed))
        session_id = f"{self.discord.world.chance.getrandbits(128):032x}"
        await self.discord.voice_states.enter(self.guild, self.member, VoiceState(channel.id, session_id))
        await self._headset.join()

    async def leave(self) -> None:
        await self._hang_up()
        await self.discord.voice_states.leave(self.member)

    async def speak(self, pcm: Pcm, rate_hz: int = SPOKEN_RATE_HZ) -> None:
        """Say ``pcm`` (mono) in its own time; returns when it has been said. int16 or float from -1 to 1."""
        await self.headset.send_packets(OpusEncoder().encode(at_spoken_rate(pcm, rate_hz)))

    def heard(self, user_id: int | None = None) -> Heard:
        """What this person heard of someone so far; of the bot when nobody is named."""
        return self.headset.heard.setdefault(user_id or self.discord.world.bot.id, Heard())

    def sounds_heard(self, user_id: int | None = None) -> int:
        """Packets with sound of someone (the bot) that were understood so far."""
        return sum(bool(packet.opus) and not packet.is_silence for packet in self.heard(user_id).packets)

    async def hears(self, packets: int = 1, user_id: int | None = None, *, seconds: float = PATIENCE_SECONDS) -> Heard:
        """Wait until so many packets with sound of someone (the bot) were heard and understood."""
        heard = self.heard(user_id)
        try:
            async with asyncio.timeout(seconds):
                while self.sounds_heard(user_id) < packets:
                    await self.headset.something_heard()
        except TimeoutError:
            got, lost = len(heard.packets), heard.undecryptable(0)
            raise AssertionError(f"{got} packets in {seconds} s, {lost} of them undecryptable") from None
        return heard

    async def hears_silence_of(self, quiet_seconds: float, user_id: int | None = None) -> Heard:
        """Wait until someone (the bot) has sent no sound for that long."""
        heard = self.heard(user_id)
        while True:
            try:
                async with asyncio.timeout(quiet_seconds):
                    await self._next_sound(heard)
            except TimeoutError:
                return heard

    # Text

    async def write(self, channel: Channel, text: str, *, reply_to: int | None = None, files: Any = ()) -> Message:
        """Post a message. ``files`` are attachments from ``discord.files.keep``."""
        body: Json = {"content": text}
        if reply_to is not None:
            body["message_reference"] = {"message_id": str(reply_to)}
        return await self.discord.messages.post(self.member.user, channel, body, list(files))

    async def write_directly(self, text: str, *, files: Any = ()) -> Message:
        """Post into the direct channel with the bot."""
        return await self.write(self.discord.world.direct_channel(self.member.user), text, files=files)

    async def send_voice_message(self, channel: Channel, ogg: bytes, seconds: float) -> Message:
        """Post an Ogg Opus recording as the app's microphone button does."""
        keep = self.discord.files.keep
        file = keep("voice-message.ogg", ogg, "audio/ogg", duration_secs=seconds, waveform="AAAA")
        body: Json = {"content": "", "flags": VOICE_MESSAGE}
        return await self.discord.messages.post(self.member.user, channel, body, [file])

    async def use(self, command: str, channel: Channel, **options: Any) -> Interaction:
        """Use a slash command, of one word or with its subcommand ("voice choose")."""
        name, *path = command.split()
        known = self.discord.commands.find(name, self.guild.id)
        declared = _options(known, path)
        interaction = self.discord.interactions.begin(self.member.user, channel)
        given = [
            {"name": name, "type": _named(declared, name, command)["type"], "value": value}
            for name, value in options.items()
        ]
        for word in reversed(path):
            given = [{"type": 1, "name": word, "options": given}]
        data: Json = {"id": known["id"], "name": name, "type": 1, "options": given}
        if known.get("guild_id"):
            data["guild_id"] = known["guild_id"]
        await self._ask(interaction, 2, data)
        return interaction

    async def press(self, message: Message, custom_id: str) -> Interaction:
        """Press a button of a message."""
        interaction = self.discord.interactions.begin(self.member.user, message.channel, message)
        await self._ask(interaction, 3, {"custom_id": custom_id, "component_type": 2}, message.payload())
        return interaction

    async def answer_to(self, interaction: Interaction, *, seconds: float = PATIENCE_SECONDS) -> str:
        """The text that answers an interaction, after "is thinking" if there was that."""

        def is_first(event: InteractionAnswered) -> bool:
            return event.interaction_id == interaction.id

        def is_filled(event: InteractionFollowed) -> bool:
            return event.interaction_id == interaction.id

        journal = self.discord.journal
        first = await journal.first(InteractionAnswered, is_first, seconds=seconds)
        if first.kind != 5:
            return str(first.data.get("content") or "")
        followed = await journal.first(InteractionFollowed, is_filled, seconds=seconds)
        return str(followed.data.get("content") or "")

    async def _ask(self, interaction: Interaction, kind: int, data: Json, message: Json | None = None) -> None:
        channel = interaction.channel
        everything = str(int(self.guild.permissions_of(self.id, channel)))
        payload: Json = {
            "id": str(interaction.id),
            "application_id": str(self.discord.world.bot.id),
            "type": kind,
            "data": data,
            "token": interaction.token,
            "version": 1,
            "channel_id": str(channel.id),
            "channel": channel.payload(),
            "locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {},
            "attachment_size_limit": 10 << 20,
        }
        if message:
            payload["message"] = message
        if channel.guild_id is None:
            payload |= {"user": self.member.user.payload(), "app_permissions": everything, "context": 1}
        else:
            bot = str(int(self.guild.permissions_of(self.discord.world.bot.id, channel)))
            member = self.member.payload() | {"permissions": everything}
            place = {"guild_id": str(channel.guild_id), "guild_locale": "en-US", "context": 0}
            payload |= {"member": member, "app_permissions": bot, **place}
        await self.discord.gateway.dispatch("INTERACTION_CREATE", payload, channel.guild_id)

    async def _hang_up(self) -> None:
        if self._headset is not None:
            headset, self._headset = self._headset, None
            await headset.leave()

    async def _next_sound(self, heard: Heard) -> None:
        known = len(heard.packets)
        while not any(packet.opus and not packet.is_silence for packet in heard.packets[known:]):
            await self.headset.something_heard()


def at_spoken_rate(pcm: Pcm, rate_hz: int) -> Pcm:
    """Mono sound at 48 kHz."""
    if rate_hz == SPOKEN_RATE_HZ:
        return pcm
    import soxr

    resampled: Pcm = soxr.resample(pcm, rate_hz, SPOKEN_RATE_HZ)
    return resampled


def _options(command: Json, path: list[str]) -> list[Json]:
    """What a command, or its subcommand, declares. Raises AssertionError when there is no such subcommand."""
    options: list[Json] = command.get("options") or []
    for word in path:
        subcommand = _named([option for option in options if option["type"] in SUBCOMMANDS], word, command["name"])
        options = subcommand.get("options") or []
    return options


def _named(options: list[Json], name: str, of: str) -> Json:
    for option in options:
        if option["name"] == name:
            return option
    known = ", ".join(option["name"] for option in options) or "nothing"
    raise AssertionError(f'/{of} declares no "{name}"; it declares {known}')
