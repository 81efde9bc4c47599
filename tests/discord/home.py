"""A guild as a test sees it: add people and channels, and move things about."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.discord.channel import Channel, ChannelKind, Overwrite
from tests.discord.guild import Guild
from tests.discord.member import Member
from tests.discord.people.person import Person
from tests.discord.permissions import Permission

if TYPE_CHECKING:
    from tests.discord.simulator import DiscordSimulator


class Home:
    """Belongs to the simulator's loop. What is added before a client connects is there when it does; later
    additions need the methods that also tell it."""

    def __init__(self, discord: "DiscordSimulator", guild: Guild) -> None:
        self.discord = discord
        self.guild = guild

    @property
    def id(self) -> int:
        return self.guild.id

    @property
    def bot(self) -> Member:
        """The bot's membership."""
        return self.guild.members[self.discord.world.bot.id]

    def add_member(self, name: str) -> Person:
        user = self.discord.world.add_user(name)
        member = Member(user, self.guild.id)
        self.guild.members[user.id] = member
        return Person(self.discord, self.guild, member)

    def add_text_channel(self, name: str = "general") -> Channel:
        return self.discord.world.add_channel(self.guild, name, ChannelKind.TEXT)

    def add_voice_channel(self, name: str = "baithak", user_limit: int = 0) -> Channel:
        return self.discord.world.add_channel(self.guild, name, ChannelKind.VOICE, user_limit)

    def add_stage_channel(self, name: str = "manch") -> Channel:
        return self.discord.world.add_channel(self.guild, name, ChannelKind.STAGE)

    async def deny_bot(self, channel: Channel, denied: Permission) -> None:
        """Take permissions of the bot in one channel."""
        channel.overwrites[self.bot.id] = Overwrite(deny=denied, is_member=True)
        await self.discord.gateway.dispatch("CHANNEL_UPDATE", channel.payload(), self.id)

    async def delete_channel(self, channel: Channel) -> None:
        """Everyone in it is thrown out."""
        del self.guild.channels[channel.id]
        await self.discord.gateway.dispatch("CHANNEL_DELETE", channel.payload(), self.id)
        for member in self.guild.in_voice(channel.id):
            await self.discord.voice_states.leave(member)

    async def kick_bot_from_voice(self) -> None:
        """As a moderator's "disconnect"."""
        await self.discord.voice_states.leave(self.bot)

    async def move_bot(self, channel: Channel) -> None:
        """As a moderator's drag into another channel."""
        assert self.bot.voice is not None
        await self.discord.voice_states.enter(self.guild, self.bot, replace(self.bot.voice, channel_id=channel.id))

    async def move_region(self) -> None:
        """Another voice server takes over, as when Discord rebalances or someone changes the region."""
        await self.discord.voice.move(self.id)
        await self.discord.voice_states.send_server_update(self.guild)
