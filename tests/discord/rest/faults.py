"""What a test can make the REST interface do wrong."""

import asyncio
import re
from dataclasses import dataclass, field

from aiohttp import web

from tests.discord.refusals import Refusal


@dataclass(slots=True)
class RestFault:
    """For requests whose ``METHOD /path`` matches: wait, then refuse, or go on."""

    pattern: re.Pattern[str]
    seconds: float
    refusal: Refusal | None
    status: int | None
    left: int


@dataclass(slots=True)
class RestFaults:
    """Faults that are due, first come first served."""

    _due: list[RestFault] = field(default_factory=list)

    def slow(self, pattern: str, seconds: float, times: int = 1) -> None:
        """The next ``times`` requests that match ``pattern`` are answered that much later."""
        self._due.append(RestFault(re.compile(pattern), seconds, None, None, times))

    def refuse(self, pattern: str, refusal: Refusal, times: int = 1) -> None:
        """The next ``times`` requests that match are refused."""
        self._due.append(RestFault(re.compile(pattern), 0.0, refusal, None, times))

    def break_down(self, pattern: str, status: int = 502, times: int = 1) -> None:
        """The next ``times`` requests that match get a 5xx without JSON, as from the proxy before Discord."""
        self._due.append(RestFault(re.compile(pattern), 0.0, None, status, times))

    async def strike(self, method: str, path: str) -> web.Response | None:
        """Raises Refusal when that is what is due."""
        for fault in self._due:
            if fault.pattern.search(f"{method} {path}"):
                fault.left -= 1
                if fault.left == 0:
                    self._due.remove(fault)
                await asyncio.sleep(fault.seconds)
                if fault.refusal:
                    raise fault.refusal
                if fault.status:
                    return web.Response(status=fault.status, text="upstream connect error", content_type="text/plain")
                return None
        return None
