"""How the REST interface answers: bare JSON, or nothing."""

import json
from typing import Any

from aiohttp import web


def answer(payload: Any, status: int = 200) -> web.Response:
    """JSON with Discord's content type to the letter: nextcord reads no other, ``; charset=utf-8`` included."""
    return web.Response(body=json.dumps(payload).encode(), status=status, headers={"Content-Type": "application/json"})


def done() -> web.Response:
    return web.Response(status=204)
