"""A whole Discord in one event loop."""

import ssl
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from tests.discord.certificate import Certificate
from tests.discord.events import MessageEdited, MessagePosted, VoiceConnected
from tests.discord.files import Files
from tests.discord.gateway import Gateway
from tests.discord.home import Home
from tests.discord.journal import PATIENCE_SECONDS, Journal
from tests.discord.message import Message
from tests.discord.rest.commands import Commands
from tests.discord.rest.faults import RestFaults
from tests.discord.rest.guilds import Guilds
from tests.discord.rest.interactions import Interactions
from tests.discord.rest.interface import RestInterface
from tests.discord.rest.messages import Messages
from tests.discord.rest.rate_limits import RateLimits
from tests.discord.voice.regions import Regions
from tests.discord.voice.session import VoiceSession
from tests.discord.voice_states import VoiceStates
from tests.discord.world import World

LOOPBACK: Final = "127.0.0.1"
API_PATH: Final = "/api/v10"


class DiscordSimulator:
    """``async with DiscordSimulator(seed=1) as discord:``. Everything in it belongs to the loop that entered it."""

    def __init__(self, seed: int = 1, port: int = 0) -> None:
        self.seed = seed
        self.journal = Journal()
        self.world = World(seed)
        self.files = Files(self.world.snowflakes)
        self.voice_states = VoiceStates(self.world, self.journal)
        self.gateway = Gateway(self.world, self.journal, self.voice_states)
        self.rest_faults = RestFaults()
        self.rate_limits = RateLimits()
        self.messages = Messages(self)
        self.commands = Commands(self)
        self.interactions = Interactions(self)
        self.voice: Regions
        self.certificate: Certificate
        self._port = port
        self._folder = ExitStack()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        folder = Path(self._folder.enter_context(tempfile.TemporaryDirectory(prefix="discord-")))
        self.certificate = Certificate.make(folder)
        self.voice = Regions(self.world, self.journal, self.certificate, self.seed)
        self.voice_states.gateway, self.voice_states.regions = self.gateway, self.voice
        await self.voice.start()
        application = web.Application(middlewares=[self.journal.keep_failures])
        application.router.add_get("/", self.gateway.connect)
        application.router.add_get("/attachments/{id:\\d+}/{name}", self._attachment)
        parts = (Guilds(self), self.messages, self.commands, self.interactions)
        routes = [route for part in parts for route in part.routes()]
        application.add_subapp(API_PATH, RestInterface(self).application(routes))
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self._port).start()
        self._port = self._runner.addresses[0][1]
        self.files.base_url = f"http://{LOOPBACK}:{self._port}"
        self.gateway.url = f"ws://{LOOPBACK}:{self._port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.drop_connections(1001)
        await self.voice.stop()
        if self._runner:
            await self._runner.cleanup()
        self._folder.close()
        if self.journal.failures and error is None:
            raise ExceptionGroup("the simulator itself failed", self.journal.failures)

    @property
    def api_base(self) -> str:
        return self.files.base_url + API_PATH

    @property
    def environment(self) -> dict[str, str]:
        """What a bot in a process of its own has to be started with."""
        return {
            "DISCORD_API_BASE": self.api_base,
            "DISCORD_TOKEN": self.world.token,
            "SSL_CERT_FILE": str(self.certificate.file),
        }

    def trust(self, context: ssl.SSLContext) -> None:
        """Let a client in this process, which made its TLS context long ago, believe the voice servers."""
        context.load_verify_locations(self.certificate.file)

    def add_guild(self, name: str = "Ghar") -> Home:
        """A server with the bot in it. Add guilds before a client connects."""
        return Home(self, self.world.add_guild(name))

    # What clients did

    async def bot_wrote(
        self,
        where: Callable[[MessagePosted], bool] = lambda _message: True,
        *,
        since: int = 0,
        seconds: float = PATIENCE_SECONDS,
    ) -> MessagePosted:
        """The first message of the bot that fits."""
        bot = self.world.bot.id

        def fits(event: MessagePosted) -> bool:
            return event.author_id == bot and where(event)

        return await self.journal.first(MessagePosted, fits, since=since, seconds=seconds)

    async def bot_edited(
        self, message_id: int, where: Callable[[str], bool] = lambda _text: True, *, seconds: float = PATIENCE_SECONDS
    ) -> str:
        """The text of the first edit of a message that fits."""

        def fits(event: MessageEdited) -> bool:
            return event.id == message_id and where(event.content)

        return (await self.journal.first(MessageEdited, fits, seconds=seconds)).content

    async def bot_connected_to_voice(self, *, since: int = 0, seconds: float = PATIENCE_SECONDS) -> VoiceSession:
        """The bot's voice session, once it has its key."""
        bot = self.world.bot.id
        event = await self.journal.first(
            VoiceConnected, lambda event: event.user_id == bot, since=since, seconds=seconds
        )
        room = self.voice.room(event.channel_id)
        session = room.seats[bot]
        assert isinstance(session, VoiceSession)
        return session

    def message(self, message_id: int) -> Message:
        """A message as it is now."""
        return self.world.messages[message_id]

    async def _attachment(self, request: web.Request) -> web.Response:
        found = self.files.read(int(request.match_info["id"]))
        if found is None:
            return web.Response(status=404)
        content, content_type = found
        return web.Response(body=content, content_type=content_type.split(";")[0])
