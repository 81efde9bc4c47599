"""The REST interface as a whole: who may ask, how often, and what goes wrong on purpose."""

import json
import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.discord.events import RequestMade
from tests.discord.refusals import Refusal, unauthorized
from tests.discord.rest.answers import answer

if TYPE_CHECKING:
    from tests.discord.simulator import DiscordSimulator

TOKEN_IN_PATH = re.compile(r"^/(webhooks|interactions)/")


class RestInterface:
    """Belongs to the simulator's loop."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self.discord = discord

    def application(self, routes: list[web.RouteDef]) -> web.Application:
        application = web.Application(middlewares=[self._serve], client_max_size=25 << 20)
        application.add_routes(routes)
        return application

    @web.middleware
    async def _serve(self, request: web.Request, handler: Any) -> web.StreamResponse:
        path = "/" + request.path.split("/", 3)[-1]  # without /api/v10
        headers: dict[str, str] = {}
        try:
            response = await self.discord.rest_faults.strike(request.method, path)
            if response is None:
                self._authorize(request, path)
                refused, headers = self.discord.rate_limits.take(request.method, *self._bucket(request))
                response = refused or await self._handled(request, handler)
        except Refusal as refusal:
            response = answer(refusal.body, refusal.status)
        response.headers.update(headers)
        body = await self._body(request)
        self.discord.journal.record(RequestMade(request.method, path, response.status, body))
        return response

    async def _handled(self, request: web.Request, handler: Any) -> web.Response:
        try:
            response: web.Response = await handler(request)
        except web.HTTPNotFound:
            return answer({"message": "404: Not Found", "code": 0}, 404)
        except web.HTTPMethodNotAllowed:
            return answer({"message": "405: Method Not Allowed", "code": 0}, 405)
        return response

    def _authorize(self, request: web.Request, path: str) -> None:
        """Interactions and webhooks have their own token in their path."""
        expected = f"Bot {self.discord.world.token}"
        if request.headers.get("Authorization") != expected and not TOKEN_IN_PATH.match(path):
            raise unauthorized()

    def _bucket(self, request: web.Request) -> tuple[str, str]:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else ""
        majors = ("channel_id", "guild_id", "token")
        place = ":".join(request.match_info.get(major, "") for major in majors)
        return route.removeprefix("/api/v10"), place

    async def _body(self, request: web.Request) -> Any:
        """What was asked for, when it was JSON."""
        if request.content_type != "application/json" or not request.can_read_body:
            return None
        try:
            return json.loads(await request.read())
        except ValueError:
            return None
