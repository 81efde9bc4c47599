"""Discord's rate limits: a bucket for each kind of request and place, and one for everything."""

import hashlib
import time
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from tests.discord.rest.answers import answer

MESSAGES: Final = "/channels/{channel_id}/messages"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds."""

    requests: int
    seconds: float


USUAL: Final = Limit(30, 1.0)
GLOBAL: Final = Limit(50, 1.0)
LIMITS: Final = {
    ("POST", MESSAGES): Limit(5, 5.0),
    ("PATCH", MESSAGES + "/{message_id}"): Limit(5, 5.0),
    ("DELETE", MESSAGES + "/{message_id}"): Limit(5, 1.0),
    ("POST", "/channels/{channel_id}/typing"): Limit(5, 5.0),
    ("PUT", "/applications/{application_id}/commands"): Limit(10, 20.0),
    ("PATCH", "/guilds/{guild_id}/members/@me"): Limit(5, 10.0),
    ("PATCH", "/guilds/{guild_id}/members/@me/nick"): Limit(5, 10.0),
}
"""What was seen of Discord's limits; they aren't documented, because clients must read the headers."""


@dataclass(slots=True)
class Bucket:
    limit: Limit
    name: str
    remaining: int
    resets_at: float

    def take(self, now: float) -> bool:
        """Whether one more request fits. ``now`` is ``time.time()``."""
        if now >= self.resets_at:
            self.remaining, self.resets_at = self.limit.requests, now + self.limit.seconds
        if self.remaining <= 0:
            return False
        self.remaining -= 1
        return True

    def headers(self, now: float) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit.requests),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": f"{self.resets_at:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, self.resets_at - now):.3f}",
            "X-RateLimit-Bucket": self.name,
        }


@dataclass(slots=True)
class RateLimits:
    """All buckets. Change ``limits`` to make a route narrower or wider for clients that come after."""

    limits: dict[tuple[str, str], Limit] = field(default_factory=lambda: dict(LIMITS))
    everything: Limit = GLOBAL
    refused: int = 0
    """429s so far. Enough of them and Discord bans the address."""
    _buckets: dict[tuple[str, str, str], Bucket] = field(default_factory=dict)
    _everything: Bucket | None = None

    def take(self, method: str, route: str, place: str) -> tuple[web.Response | None, dict[str, str]]:
        """The refusal, if the request is one too many, and the headers of its answer. ``route`` is its template,
        ``place`` the guild, channel or webhook that it is counted by."""
        now = time.time()
        if self._everything is None:
            self._everything = Bucket(self.everything, "global", self.everything.requests, 0.0)
        if not self._everything.take(now):
            return self._refuse(self._everything, now, "global"), {}
        key = (method, route, place)
        if key not in self._buckets:
            limit = self.limits.get((method, route), USUAL)
            name = hashlib.sha256(f"{method} {route}".encode()).hexdigest()[:32]
            self._buckets[key] = Bucket(limit, name, limit.requests, 0.0)
        bucket = self._buckets[key]
        if not bucket.take(now):
            return self._refuse(bucket, now, "user"), {}
        return None, bucket.headers(now)

    def _refuse(self, bucket: Bucket, now: float, scope: str) -> web.Response:
        self.refused += 1
        wait = max(0.001, round(bucket.resets_at - now, 3))
        is_global = scope == "global"
        body = {"message": "You are being rate limited.", "retry_after": wait, "global": is_global}
        response = answer(body, 429)
        response.headers["Retry-After"] = str(int(wait) + 1)
        response.headers["X-RateLimit-Scope"] = scope
        response.headers["Via"] = "1.1 google"
        if is_global:
            response.headers["X-RateLimit-Global"] = "true"
        else:
            response.headers.update(bucket.headers(now))
        return response
