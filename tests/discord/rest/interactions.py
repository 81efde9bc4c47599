"""REST: answering commands and buttons."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.discord.channel import Channel
from tests.discord.events import InteractionAnswered, InteractionFollowed, Json
from tests.discord.message import EPHEMERAL, LOADING, Message
from tests.discord.refusals import Refusal, unknown
from tests.discord.rest.answers import answer, done
from tests.discord.user import User

if TYPE_CHECKING:
    from tests.discord.simulator import DiscordSimulator

MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, AUTOCOMPLETE, MODAL = 4, 5, 6, 7, 8, 9
ANSWER_WITHIN_SECONDS: Final = 3.0


@dataclass(slots=True, eq=False)
class Interaction:
    """Something that a person asked of the bot by a command or a button."""

    id: int
    token: str
    user: User
    channel: Channel
    asked_at: float
    """On the loop's clock."""
    pressed: Message | None = None
    """The message with the button."""
    kind: int | None = None
    """Of the first answer, once there is one."""
    original: Message | None = None


class Interactions:
    """Belongs to the simulator's loop."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self.discord = discord
        self.asked: dict[int, Interaction] = {}

    def routes(self) -> list[web.RouteDef]:
        webhook = "/webhooks/{application_id:\\d+}/{token}"
        one = webhook + "/messages/{message_id:\\d+|@original}"
        return [
            web.post("/interactions/{interaction_id:\\d+}/{token}/callback", self.callback),
            web.post(webhook, self.follow_up),
            web.get(one, self.get),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
        ]

    def begin(self, user: User, channel: Channel, pressed: Message | None = None) -> Interaction:
        world = self.discord.world
        token = f"interaction-{world.chance.getrandbits(64):016x}"
        now = asyncio.get_running_loop().time()
        interaction = Interaction(world.snowflakes.next(), token, user, channel, now, pressed)
        self.asked[interaction.id] = interaction
        return interaction

    async def callback(self, request: web.Request) -> web.Response:
        interaction = self.asked.get(int(request.match_info["interaction_id"]))
        if interaction is None or interaction.token != request.match_info["token"]:
            raise unknown("interaction", 10062)
        if asyncio.get_running_loop().time() - interaction.asked_at > ANSWER_WITHIN_SECONDS:
            raise unknown("interaction", 10062)
        if interaction.kind is not None:
            raise Refusal(400, 40060, "Interaction has already been acknowledged.")
        body, attachments = await self.discord.messages.read(request)
        kind, data = body["type"], body.get("data") or {}
        if kind == MESSAGE:
            interaction.original = await self._post(interaction, data, attachments)
        elif kind == DEFERRED_MESSAGE:
            waiting = {"content": "…", "flags": (data.get("flags") or 0) | LOADING}
            interaction.original = self._hidden(interaction, waiting)
        elif kind == UPDATE and interaction.pressed:
            await self.discord.messages.change(interaction.pressed, data, attachments)
        if kind in {UPDATE, DEFERRED_UPDATE}:
            interaction.original = interaction.pressed
        interaction.kind = kind
        self.discord.journal.record(InteractionAnswered(interaction.id, kind, data))
        if request.query.get("with_response") != "true":
            return done()
        return answer(self._callback_payload(interaction))

    async def follow_up(self, request: web.Request) -> web.Response:
        interaction = self._of(request)
        body, attachments = await self.discord.messages.read(request)
        if interaction.original and interaction.original.flags & LOADING:
            message = await self._fill(interaction, interaction.original, body, attachments)
        else:
            message = await self._post(interaction, body, attachments)
        self.discord.journal.record(InteractionFollowed(interaction.id, False, body))
        return answer(message.payload())

    async def get(self, request: web.Request) -> web.Response:
        return answer(self._message(request).payload())

    async def edit(self, request: web.Request) -> web.Response:
        interaction, message = self._of(request), self._message(request)
        body, attachments = await self.discord.messages.read(request)
        if message.flags & LOADING:
            message = await self._fill(interaction, message, body, attachments)
        else:
            await self.discord.messages.change(message, body, attachments)
        self.discord.journal.record(InteractionFollowed(interaction.id, True, body))
        return answer(message.payload())

    async def delete(self, request: web.Request) -> web.Response:
        message = self._message(request)
        if message.id in self.discord.world.messages:
            await self.discord.messages.remove(message)
        return done()

    async def _post(self, interaction: Interaction, data: Json, attachments: list[Json]) -> Message:
        """What only one person may see is told to nobody else."""
        if (data.get("flags") or 0) & EPHEMERAL:
            return self._hidden(interaction, data, attachments)
        channel, bot = interaction.channel, self.discord.world.bot
        return await self.discord.messages.post(bot, channel, data, attachments, **self._extra(interaction))

    async def _fill(self, interaction: Interaction, waiting: Message, body: Json, attachments: list[Json]) -> Message:
        """Put the answer where "is thinking" stood, as visible as that was."""
        flags = (waiting.flags & ~LOADING) | (body.get("flags") or 0)
        self.discord.world.messages.pop(waiting.id, None)
        filled = await self._post(interaction, body | {"flags": flags}, attachments)
        interaction.original = filled
        return filled

    def _hidden(self, interaction: Interaction, data: Json, attachments: list[Json] | None = None) -> Message:
        world = self.discord.world
        message = Message(world.snowflakes.next(), interaction.channel, world.bot, data.get("content") or "")
        message.flags, message.components = data.get("flags") or 0, data.get("components") or []
        message.attachments, message.extra = attachments or [], self._extra(interaction)
        world.messages[message.id] = message
        return message

    def _extra(self, interaction: Interaction) -> dict[str, Any]:
        bot = str(self.discord.world.bot.id)
        return {"application_id": bot, "webhook_id": bot, "interaction_id": str(interaction.id)}

    def _of(self, request: web.Request) -> Interaction:
        for interaction in self.asked.values():
            if interaction.token == request.match_info["token"]:
                return interaction
        raise unknown("Webhook", 10015)

    def _message(self, request: web.Request) -> Message:
        interaction, wanted = self._of(request), request.match_info["message_id"]
        message = interaction.original if wanted == "@original" else self.discord.world.messages.get(int(wanted))
        if message is None:
            raise unknown("Message", 10008)
        return message

    def _callback_payload(self, interaction: Interaction) -> Json:
        about: Json = {"id": str(interaction.id), "type": 2, "response_message_loading": False}
        payload: Json = {"interaction": about, "resource": {"type": interaction.kind}}
        if interaction.original:
            about["response_message_id"] = str(interaction.original.id)
            payload["resource"]["message"] = interaction.original.payload()
        return payload
