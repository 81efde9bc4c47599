"""Everything there is: accounts, guilds, channels, messages. Knows no protocol."""

import random
from collections.abc import Iterator

from tests.discord.channel import Channel, ChannelKind
from tests.discord.guild import Guild
from tests.discord.member import Member
from tests.discord.message import Message
from tests.discord.refusals import missing_access, unknown
from tests.discord.snowflakes import Snowflakes
from tests.discord.user import User


class World:
    """What the REST interface and the gateway show of. The same for the same seed."""

    def __init__(self, seed: int, bot_name: str = "Priya") -> None:
        self.snowflakes = Snowflakes(seed)
        self.chance = random.Random(f"world:{seed}")
        self.bot = User(self.snowflakes.next(), bot_name, is_bot=True)
        self.token = f"bot-token-{self.chance.getrandbits(64):016x}"
        self.users: dict[int, User] = {self.bot.id: self.bot}
        self.guilds: dict[int, Guild] = {}
        self.direct: dict[int, Channel] = {}
        """Direct channels with the bot, by the person's id."""
        self.messages: dict[int, Message] = {}

    def add_user(self, name: str) -> User:
        user = User(self.snowflakes.next(), name)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str) -> Guild:
        owner = self.add_user(f"owner of {name}")
        guild = Guild(self.snowflakes.next(), name, owner.id)
        self.guilds[guild.id] = guild
        for user in (owner, self.bot):
            guild.members[user.id] = Member(user, guild.id)
        return guild

    def add_channel(self, guild: Guild, name: str, kind: ChannelKind, user_limit: int = 0) -> Channel:
        position = len(guild.channels)
        channel = Channel(self.snowflakes.next(), kind, name, guild.id, position, user_limit)
        guild.channels[channel.id] = channel
        return channel

    def direct_channel(self, user: User) -> Channel:
        if user.id not in self.direct:
            self.direct[user.id] = Channel(self.snowflakes.next(), ChannelKind.DIRECT, recipient=user)
        return self.direct[user.id]

    def guild(self, guild_id: int) -> Guild:
        """Raises Refusal when there is none or the bot isn't in it."""
        guild = self.guilds.get(guild_id)
        if guild is None or self.bot.id not in guild.members:
            raise unknown("Guild", 10004)
        return guild

    def channel(self, channel_id: int) -> Channel:
        """Raises Refusal when there is none."""
        for channel in self._channels():
            if channel.id == channel_id:
                return channel
        raise unknown("Channel", 10003)

    def message(self, channel_id: int, message_id: int) -> Message:
        """Raises Refusal when there is none in that channel."""
        message = self.messages.get(message_id)
        if message is None or message.channel.id != channel_id:
            raise unknown("Message", 10008)
        return message

    def guild_of(self, channel: Channel) -> Guild | None:
        """None for a direct channel. Raises Refusal when the bot isn't in that guild."""
        if channel.guild_id is None:
            return None
        guild = self.guilds[channel.guild_id]
        if self.bot.id not in guild.members:
            raise missing_access()
        return guild

    def _channels(self) -> Iterator[Channel]:
        yield from self.direct.values()
        for guild in self.guilds.values():
            yield from guild.channels.values()
