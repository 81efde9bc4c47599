"""REST: which commands an application has, everywhere or in one guild."""

from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.discord.events import CommandsRegistered, Json
from tests.discord.refusals import Refusal, invalid_form, missing_access, unknown
from tests.discord.rest.answers import answer, done

if TYPE_CHECKING:
    from tests.discord.simulator import DiscordSimulator

LONGEST_NAME: Final = 32
LONGEST_DESCRIPTION: Final = 100
MOST_COMMANDS: Final = 100
CHAT_INPUT: Final = 1


class Commands:
    """Belongs to the simulator's loop."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self.discord = discord
        self.registered: dict[int | None, list[Json]] = {}
        """By guild; None for those that are everywhere."""

    def routes(self) -> list[web.RouteDef]:
        routes = []
        everywhere = "/applications/{application_id:\\d+}/commands"
        in_guild = "/applications/{application_id:\\d+}/guilds/{guild_id:\\d+}/commands"
        for path in (everywhere, in_guild):
            one = path + "/{command_id:\\d+}"
            routes += [web.get(path, self.all), web.post(path, self.create), web.put(path, self.overwrite)]
            routes += [web.get(one, self.get), web.patch(one, self.edit), web.delete(one, self.delete)]
        return routes

    def find(self, name: str, guild_id: int | None) -> Json:
        """A command as a person in that guild (None: in a direct channel) would find it."""
        for place in dict.fromkeys((guild_id, None)):
            for command in self.registered.get(place, ()):
                if command["name"] == name:
                    return command
        known = {place: [command["name"] for command in found] for place, found in self.registered.items()}
        raise AssertionError(f"the bot has registered no command {name}; it has {known}")

    async def all(self, request: web.Request) -> web.Response:
        return answer(self._of(request))

    async def create(self, request: web.Request) -> web.Response:
        commands, body = self._of(request), await request.json()
        command = self._made(request, body)
        commands[:] = [known for known in commands if known["name"] != command["name"]] + [command]
        self._record(request)
        return answer(command, 201)

    async def overwrite(self, request: web.Request) -> web.Response:
        commands, bodies = self._of(request), await request.json()
        if len(bodies) > MOST_COMMANDS:
            raise Refusal(400, 30032, "Maximum number of application commands reached")
        commands[:] = [self._made(request, body) for body in bodies]
        self._record(request)
        return answer(commands)

    async def get(self, request: web.Request) -> web.Response:
        return answer(self._one(request))

    async def edit(self, request: web.Request) -> web.Response:
        command = self._one(request)
        command.update(self._made(request, command | await request.json()) | {"id": command["id"]})
        self._record(request)
        return answer(command)

    async def delete(self, request: web.Request) -> web.Response:
        self._of(request).remove(self._one(request))
        self._record(request)
        return done()

    def _of(self, request: web.Request) -> "list[Json]":
        if int(request.match_info["application_id"]) != self.discord.world.bot.id:
            raise missing_access()
        return self.registered.setdefault(_place(request), [])

    def _one(self, request: web.Request) -> Json:
        for command in self._of(request):
            if command["id"] == request.match_info["command_id"]:
                return command
        raise unknown("application command", 10063)

    def _made(self, request: web.Request, body: Json) -> Json:
        """Raises Refusal for a command that Discord wouldn't take."""
        name, kind = str(body.get("name") or ""), body.get("type", CHAT_INPUT)
        check_name(name, kind)
        description = body.get("description") or ""
        if kind == CHAT_INPUT and not 1 <= len(description) <= LONGEST_DESCRIPTION:
            raise invalid_form("description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
        for option in body.get("options") or ():
            check_name(option["name"], CHAT_INPUT)
        place = _place(request)
        return {
            "default_member_permissions": None,
            "nsfw": False,
            "options": [],
            **body,
            "type": kind,
            "id": str(self.discord.world.snowflakes.next()),
            "application_id": request.match_info["application_id"],
            "version": str(self.discord.world.snowflakes.next()),
            **({"guild_id": str(place)} if place is not None else {}),
        }

    def _record(self, request: web.Request) -> None:
        names = tuple(command["name"] for command in self._of(request))
        self.discord.journal.record(CommandsRegistered(_place(request), names))


def check_name(name: str, kind: int) -> None:
    is_word = name.replace("-", "").replace("_", "").isalnum() and name == name.lower()
    if not 1 <= len(name) <= LONGEST_NAME or (kind == CHAT_INPUT and not is_word):
        raise invalid_form("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _place(request: web.Request) -> int | None:
    guild_id: Any = request.match_info.get("guild_id")
    return int(guild_id) if guild_id else None
