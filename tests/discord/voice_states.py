"""Who is in which voice channel, and the way in: a token, and the address of a voice server."""

from typing import TYPE_CHECKING

from tests.discord.channel import Channel, ChannelKind
from tests.discord.events import Json, VoiceJoinIgnored, VoiceStateChanged
from tests.discord.guild import Guild
from tests.discord.journal import Journal
from tests.discord.member import Member, VoiceState
from tests.discord.permissions import Permission
from tests.discord.world import World

if TYPE_CHECKING:
    from tests.discord.gateway import Gateway, GatewaySession
    from tests.discord.voice.regions import Regions


class VoiceStates:
    """Moves members between voice channels and tells everyone. Belongs to the simulator's loop."""

    def __init__(self, world: World, journal: Journal) -> None:
        self.world = world
        self.journal = journal
        self.sends_server_updates = True
        """False leaves a client that joins waiting for its VOICE_SERVER_UPDATE."""
        self.gateway: Gateway
        self.regions: Regions

    async def request(self, session: "GatewaySession", data: Json) -> None:
        """Op 4 of a client. What isn't allowed is ignored, as Discord does: the client has to time out."""
        guild = self.world.guilds.get(int(data["guild_id"]))
        if guild is None or self.world.bot.id not in guild.members:
            return
        member = guild.members[self.world.bot.id]
        if data["channel_id"] is None:
            await self.leave(member)
            return
        wanted = int(data["channel_id"])
        if reason := self.refusal(guild, member, wanted):
            self.journal.record(VoiceJoinIgnored(member.id, wanted, reason))
            return
        state = VoiceState(wanted, session.id, bool(data.get("self_mute")), bool(data.get("self_deaf")))
        await self.enter(guild, member, state)

    def refusal(self, guild: Guild, member: Member, channel_id: int) -> str | None:
        """Why a member may not join; None when they may."""
        channel = guild.channels.get(channel_id)
        if channel is None or not channel.has_voice:
            return "no such voice channel"
        permissions = guild.permissions_of(member.id, channel)
        if Permission.CONNECT not in permissions:
            return "no permission to connect"
        inside = [other for other in guild.in_voice(channel_id) if other is not member]
        if channel.user_limit and len(inside) >= channel.user_limit and Permission.MOVE_MEMBERS not in permissions:
            return "the channel is full"
        return None

    async def enter(self, guild: Guild, member: Member, state: VoiceState) -> None:
        """Into a channel, from none or from another one of the guild; or the same with other ears."""
        before = member.voice
        channel = guild.channels[state.channel_id]
        state.suppress = self._starts_suppressed(guild, member, channel)
        if before and before.channel_id == state.channel_id:
            state.suppress = before.suppress
        member.voice = state
        self._tell_room(member)
        await self._announce(member)
        if member.user is not self.world.bot:
            return
        is_same = before and (before.channel_id, before.session_id) == (state.channel_id, state.session_id)
        if is_same and self.regions.is_connected(member.id, guild.id):
            return  # only muted or unmuted; a client that lost its voice server is told again where it is
        if before and before.channel_id != state.channel_id:
            await self.regions.disconnect(member.id, guild.id, code=4014)
        if self.sends_server_updates:
            await self.send_server_update(guild)

    async def leave(self, member: Member) -> None:
        """Out of voice, by their own will or not."""
        if member.voice is None:
            return
        session_id = member.voice.session_id
        member.voice = None
        await self._announce(member, session_id)
        await self.regions.disconnect(member.id, member.guild_id, code=4014)

    async def forget(self, session: "GatewaySession") -> None:
        """A client's session ended: whatever it joined, it has left."""
        for guild in self.world.guilds.values():
            member = guild.members.get(self.world.bot.id)
            if member and member.voice and member.voice.session_id == session.id:
                await self.leave(member)

    def may_speak_on_stage(self, permissions: Permission) -> bool:
        return Permission.MUTE_MEMBERS in permissions

    async def set_suppressed(self, member: Member, *, is_suppressed: bool) -> None:
        """Make someone on a stage speaker or audience."""
        assert member.voice is not None
        member.voice.suppress = is_suppressed
        self._tell_room(member)
        await self._announce(member)

    async def send_server_update(self, guild: Guild, *, has_endpoint: bool = True) -> None:
        """Where the bot's voice connection of this guild is to go. Without an endpoint: wait, it is being moved."""
        ticket = await self.regions.ticket(guild.id)
        endpoint = ticket.endpoint if has_endpoint else None
        data = {"token": ticket.token, "guild_id": str(guild.id), "endpoint": endpoint}
        await self.gateway.dispatch("VOICE_SERVER_UPDATE", data, guild.id)

    async def _announce(self, member: Member, session_id: str = "") -> None:
        channel_id = member.voice.channel_id if member.voice else None
        self.journal.record(VoiceStateChanged(member.guild_id, member.id, channel_id))
        payload = member.voice_payload()
        await self.gateway.dispatch("VOICE_STATE_UPDATE", payload | _only(session_id=session_id), member.guild_id)

    def _tell_room(self, member: Member) -> None:
        assert member.voice is not None
        suppressed = self.regions.room(member.voice.channel_id).suppressed
        if member.voice.suppress:
            suppressed.add(member.id)
        else:
            suppressed.discard(member.id)

    def _starts_suppressed(self, guild: Guild, member: Member, channel: Channel) -> bool:
        permissions = guild.permissions_of(member.id, channel)
        return channel.kind is ChannelKind.STAGE or Permission.SPEAK not in permissions


def _only(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
