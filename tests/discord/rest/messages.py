"""REST: writing, editing and deleting messages, and seeming to write."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.discord.channel import Channel
from tests.discord.events import Json, MessageDeleted, MessageEdited, MessagePosted, Typing
from tests.discord.message import EPHEMERAL, Message
from tests.discord.permissions import Permission
from tests.discord.refusals import Refusal, invalid_form, missing_access, missing_permissions
from tests.discord.rest.answers import answer, done
from tests.discord.user import User

if TYPE_CHECKING:
    from tests.discord.simulator import DiscordSimulator

LONGEST_MESSAGE: Final = 2_000
LONGEST_NONCE: Final = 25
USUAL_HISTORY, LONGEST_HISTORY = 50, 100
"""How many messages are read at once."""
MENTION: Final = re.compile(r"<@!?(\d+)>")


class Messages:
    """Belongs to the simulator's loop."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self.discord = discord
        self.world = discord.world

    def routes(self) -> list[web.RouteDef]:
        channel = "/channels/{channel_id:\\d+}"
        message = channel + "/messages/{message_id:\\d+}"
        return [
            web.get(channel + "/messages", self.recent),
            web.post(channel + "/messages", self.create),
            web.get(message, self.get),
            web.patch(message, self.edit),
            web.delete(message, self.delete),
            web.post(channel + "/typing", self.start_typing),
            web.put(message + "/reactions/{emoji}/@me", self.react),
            web.delete(message + "/reactions/{emoji}/@me", self.react),
        ]

    async def recent(self, request: web.Request) -> web.Response:
        channel = self.place(request, Permission.READ_MESSAGE_HISTORY)
        seen = [message for message in self.world.messages.values() if message.channel is channel]
        newest = sorted((message for message in seen if not message.flags & EPHEMERAL), key=lambda seen: -seen.id)
        return answer([message.payload() for message in asked_for(newest, request.query)])

    async def create(self, request: web.Request) -> web.Response:
        channel = self.place(request, Permission.SEND_MESSAGES)
        body, attachments = await self.read(request)
        message = await self.post(self.world.bot, channel, body, attachments)
        return answer(message.payload())

    async def get(self, request: web.Request) -> web.Response:
        channel = self.place(request, Permission.READ_MESSAGE_HISTORY)
        return answer(self.world.message(channel.id, int(request.match_info["message_id"])).payload())

    async def edit(self, request: web.Request) -> web.Response:
        channel = self.place(request)
        message = self.world.message(channel.id, int(request.match_info["message_id"]))
        if message.author is not self.world.bot:
            raise Refusal(403, 50005, "Cannot edit a message authored by another user")
        body, attachments = await self.read(request)
        await self.change(message, body, attachments)
        return answer(message.payload())

    async def delete(self, request: web.Request) -> web.Response:
        channel = self.place(request)
        message = self.world.message(channel.id, int(request.match_info["message_id"]))
        if message.author is not self.world.bot:
            self.place(request, Permission.MANAGE_MESSAGES)
        await self.remove(message)
        return done()

    async def start_typing(self, request: web.Request) -> web.Response:
        channel = self.place(request, Permission.SEND_MESSAGES)
        self.discord.journal.record(Typing(channel.id, self.world.bot.id))
        return done()

    async def react(self, request: web.Request) -> web.Response:
        channel = self.place(request)
        self.world.message(channel.id, int(request.match_info["message_id"]))
        return done()

    def place(self, request: web.Request, needed: Permission = Permission.VIEW_CHANNEL) -> Channel:
        """The channel of a request. Raises Refusal when the bot may not do there what it asks for."""
        channel = self.world.channel(int(request.match_info["channel_id"]))
        guild = self.world.guild_of(channel)
        if guild is not None:
            permissions = guild.permissions_of(self.world.bot.id, channel)
            if Permission.VIEW_CHANNEL not in permissions:
                raise missing_access()
            if needed not in permissions:
                raise missing_permissions()
        return channel

    async def read(self, request: web.Request) -> tuple[Json, list[Json]]:
        """A message's JSON, and its files, kept where they can be fetched again. Raises Refusal."""
        if not request.content_type.startswith("multipart/"):
            return await _json_of(request), []
        body: Json = {}
        attachments: list[Json] = []
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                attachments.append(self.discord.files.keep(value.filename, value.file.read(), value.content_type))
            elif name == "payload_json" and isinstance(value, str):
                body = json.loads(value)
        return body, attachments

    async def post(self, author: User, channel: Channel, body: Json, attachments: list[Json], **extra: Any) -> Message:
        """Write a message into a channel, and tell everyone. Raises Refusal when Discord would."""
        content = body.get("content") or ""
        nonce = body.get("nonce")
        check_content(content, body, attachments)
        if nonce is not None and len(str(nonce)) > LONGEST_NONCE:
            raise invalid_form("nonce", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
        if body.get("enforce_nonce") and (written := self._with_nonce(channel, author, str(nonce))):
            return written
        message = Message(self.world.snowflakes.next(), channel, author, content)
        message.nonce = None if nonce is None else str(nonce)
        message.reply_to = self._reply_to(channel, body.get("message_reference"))
        message.mentions = self._mentions(content, message.reply_to, body.get("allowed_mentions"))
        message.attachments, message.embeds = attachments, body.get("embeds") or []
        message.components, message.flags = body.get("components") or [], body.get("flags") or 0
        message.extra = extra
        self.world.messages[message.id] = message
        payload = message.payload()
        allowed = body.get("allowed_mentions")
        event = MessagePosted(message.id, channel.id, author.id, content, message.nonce, allowed, payload)
        self.discord.journal.record(event)
        await self.discord.gateway.dispatch("MESSAGE_CREATE", payload | self._membership(message), channel.guild_id)
        return message

    async def change(self, message: Message, body: Json, attachments: list[Json]) -> None:
        content = body["content"] if body.get("content") is not None else message.content
        check_content(content, body, attachments or message.attachments)
        message.content = content
        message.components = body.get("components", message.components) or []
        message.embeds = body.get("embeds", message.embeds) or []
        message.attachments = attachments or message.attachments
        message.edited_at = "2026-01-01T00:00:01+00:00"
        self.discord.journal.record(MessageEdited(message.id, message.channel.id, content))
        payload = message.payload() | self._membership(message)
        await self.discord.gateway.dispatch("MESSAGE_UPDATE", payload, message.channel.guild_id)

    async def remove(self, message: Message) -> None:
        channel = message.channel
        del self.world.messages[message.id]
        self.discord.journal.record(MessageDeleted(message.id, channel.id))
        data: Json = {"id": str(message.id), "channel_id": str(channel.id)}
        if channel.guild_id is not None:
            data["guild_id"] = str(channel.guild_id)
        await self.discord.gateway.dispatch("MESSAGE_DELETE", data, channel.guild_id)

    def _with_nonce(self, channel: Channel, author: User, nonce: str) -> Message | None:
        """What was already written with this nonce (``enforce_nonce``)."""
        messages = self.world.messages.values()
        same = [message for message in messages if message.channel is channel and message.author is author]
        return next((message for message in same if message.nonce == nonce), None)

    def _reply_to(self, channel: Channel, reference: Json | None) -> Message | None:
        if not reference:
            return None
        message = self.world.messages.get(int(reference["message_id"]))
        if message is None or message.channel is not channel:
            if reference.get("fail_if_not_exists", True):
                raise invalid_form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
            return None
        return message

    def _mentions(self, content: str, reply_to: Message | None, allowed: Json | None) -> list[User]:
        """Who is rung. ``allowed_mentions`` may forbid it."""
        ids = [int(found) for found in MENTION.findall(content)]
        parse = ["users"] if allowed is None else allowed.get("parse", [])
        if "users" not in parse:
            ids = [user_id for user_id in ids if str(user_id) in (allowed or {}).get("users", [])]
        if reply_to is not None and (allowed is None or allowed.get("replied_user")):
            ids.append(reply_to.author.id)
        return [self.world.users[user_id] for user_id in dict.fromkeys(ids) if user_id in self.world.users]

    def _membership(self, message: Message) -> Json:
        """Events of guild messages carry the author's membership, without the user that they carry anyway."""
        if message.channel.guild_id is None:
            return {}
        member = self.world.guilds[message.channel.guild_id].members.get(message.author.id)
        return {"member": {k: v for k, v in member.payload().items() if k != "user"}} if member else {}


def check_content(content: str, body: Json, attachments: list[Json]) -> None:
    """Raises Refusal for a message that is too long, or that is none."""
    if len(content) > LONGEST_MESSAGE:
        raise invalid_form("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length.")
    if not (content.strip() or body.get("embeds") or attachments or body.get("components") or body.get("sticker_ids")):
        raise Refusal(400, 50006, "Cannot send an empty message")


def asked_for(newest: list[Message], query: Mapping[str, str]) -> list[Message]:
    """The part of a channel's messages, newest first, that ``before``, ``after``, ``around`` and ``limit`` ask for.
    Raises Refusal."""
    limit = _number(query, "limit", USUAL_HISTORY)
    if not 1 <= limit <= LONGEST_HISTORY:
        raise invalid_form("limit", "NUMBER_TYPE_RANGE", "int value should be between 1 and 100.")
    if "around" in query:
        middle = _number(query, "around")
        later = [message for message in newest if message.id > middle]
        others = [message for message in newest if message.id <= middle]
        return later[max(0, len(later) - limit // 2) :] + others[: limit - limit // 2]
    if "before" in query:
        end = _number(query, "before")
        return [message for message in newest if message.id < end][:limit]
    if "after" in query:
        beginning = _number(query, "after")
        return [message for message in newest if message.id > beginning][-limit:]
    return newest[:limit]


def _number(query: Mapping[str, str], name: str, usual: int = 0) -> int:
    try:
        return int(query.get(name, usual))
    except ValueError:
        raise invalid_form(name, "NUMBER_TYPE_COERCE", f'Value "{query[name]}" is not snowflake.') from None


async def _json_of(request: web.Request) -> Json:
    try:
        body: Json = await request.json() if request.can_read_body else {}
    except ValueError:
        raise Refusal(400, 50109, "The request body contains invalid JSON.") from None
    return body
