"""REST: accounts, guilds, members, channels."""

from typing import TYPE_CHECKING

from aiohttp import web

from tests.discord.events import NickChanged
from tests.discord.permissions import Permission
from tests.discord.refusals import Refusal, invalid_form, missing_permissions, unknown
from tests.discord.rest.answers import answer, done

if TYPE_CHECKING:
    from tests.discord.member import Member
    from tests.discord.simulator import DiscordSimulator

LONGEST_NICK = 32


class Guilds:
    """Belongs to the simulator's loop."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self.discord = discord
        self.world = discord.world

    def routes(self) -> list[web.RouteDef]:
        guild = "/guilds/{guild_id:\\d+}"
        return [
            web.get("/users/@me", self.me),
            web.get("/users/{user_id:\\d+}", self.user),
            web.post("/users/@me/channels", self.open_direct),
            web.get("/gateway", self.gateway),
            web.get("/gateway/bot", self.gateway_bot),
            web.get("/oauth2/applications/@me", self.application),
            web.get("/applications/@me", self.application),
            web.get("/channels/{channel_id:\\d+}", self.channel),
            web.get(guild, self.guild),
            web.get(guild + "/channels", self.channels),
            web.get(guild + "/members", self.members),
            web.get(guild + "/members/{user_id:\\d+}", self.member),
            web.patch(guild + "/members/@me", self.change_self),
            web.patch(guild + "/members/@me/nick", self.change_self),  # deprecated, and what nextcord uses
            web.patch(guild + "/voice-states/@me", self.change_voice_state),
        ]

    async def me(self, _request: web.Request) -> web.Response:
        return answer(self.world.bot.payload() | {"verified": True, "mfa_enabled": True, "email": None})

    async def user(self, request: web.Request) -> web.Response:
        user = self.world.users.get(int(request.match_info["user_id"]))
        if user is None:
            raise unknown("User", 10013)
        return answer(user.payload())

    async def open_direct(self, request: web.Request) -> web.Response:
        user = self.world.users.get(int((await request.json())["recipient_id"]))
        if user is None:
            raise unknown("User", 10013)
        return answer(self.world.direct_channel(user).payload())

    async def gateway(self, _request: web.Request) -> web.Response:
        return answer({"url": self.discord.gateway.url})

    async def gateway_bot(self, _request: web.Request) -> web.Response:
        starts = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1}
        shards = self.discord.gateway.recommended_shards
        return answer({"url": self.discord.gateway.url, "shards": shards, "session_start_limit": starts})

    async def application(self, _request: web.Request) -> web.Response:
        owner = next(iter(self.world.guilds.values())).owner_id if self.world.guilds else self.world.bot.id
        return answer(
            {
                "id": str(self.world.bot.id),
                "name": self.world.bot.name,
                "icon": None,
                "description": "",
                "bot_public": True,
                "bot_require_code_grant": False,
                "verify_key": "00" * 32,
                "owner": self.world.users[owner].payload(),
                "team": None,
                "flags": 0,
                "bot": self.world.bot.payload(),
            }
        )

    async def channel(self, request: web.Request) -> web.Response:
        return answer(self.discord.messages.place(request).payload())

    async def guild(self, request: web.Request) -> web.Response:
        return answer(self.world.guild(int(request.match_info["guild_id"])).rest_payload())

    async def channels(self, request: web.Request) -> web.Response:
        guild = self.world.guild(int(request.match_info["guild_id"]))
        return answer([channel.payload() for channel in guild.channels.values()])

    async def members(self, request: web.Request) -> web.Response:
        guild = self.world.guild(int(request.match_info["guild_id"]))
        return answer([member.payload() for member in guild.members.values()])

    async def member(self, request: web.Request) -> web.Response:
        guild = self.world.guild(int(request.match_info["guild_id"]))
        member = guild.members.get(int(request.match_info["user_id"]))
        if member is None:
            raise unknown("Member", 10007)
        return answer(member.payload())

    async def change_self(self, request: web.Request) -> web.Response:
        """The bot's own nickname in a guild."""
        guild = self.world.guild(int(request.match_info["guild_id"]))
        member = guild.members[self.world.bot.id]
        nick = (await request.json()).get("nick") or None
        if Permission.CHANGE_NICKNAME not in guild.everyone:
            raise missing_permissions()
        if nick and len(nick) > LONGEST_NICK:
            raise invalid_form("nick", "BASE_TYPE_MAX_LENGTH", "Must be 32 or fewer in length.")
        member.nick = nick
        self.discord.journal.record(NickChanged(guild.id, member.id, nick))
        await self._announce(member)
        return answer(member.payload())

    async def change_voice_state(self, request: web.Request) -> web.Response:
        """On a stage: become a speaker, or ask to become one."""
        guild = self.world.guild(int(request.match_info["guild_id"]))
        member, body = guild.members[self.world.bot.id], await request.json()
        if member.voice is None:
            raise Refusal(400, 50035, "Invalid Form Body")
        if body.get("suppress") is False:
            permissions = guild.permissions_of(member.id, guild.channels[member.voice.channel_id])
            if not self.discord.voice_states.may_speak_on_stage(permissions):
                raise missing_permissions()
            await self.discord.voice_states.set_suppressed(member, is_suppressed=False)
        return done()

    async def _announce(self, member: "Member") -> None:
        data = member.payload() | {"guild_id": str(member.guild_id)}
        await self.discord.gateway.dispatch("GUILD_MEMBER_UPDATE", data, member.guild_id)
