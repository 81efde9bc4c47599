"""A dialect over HTTP, made of what differs between dialects: where to, with what, what to say, how to read."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from config.providers import Access, ChatProvider
from workers.cloud.answer import Answer, Tell
from workers.cloud.dialect import Call, Part
from workers.cloud.exchange import Question, ask, headers_of
from workers.cloud.failures import RequestRefused
from workers.cloud.listing import listed
from workers.cloud.refused_fields import RefusedFields
from workers.cloud.wording import everything_said
from workers.errors import ModelRetired


@dataclass(frozen=True, slots=True)
class HttpDialect:
    """See ChatDialect."""

    path: str
    """Of chats, behind a row's ``base_url``."""
    headers: Mapping[str, str]
    """``{key}`` in one stands for the key."""
    body: Callable[[Call], Mapping[str, Any]]
    """The question as a row wants it. Raises BadInput."""
    tell: Tell
    clock: Callable[[], float] = time.time
    """Seconds since the epoch."""
    _refused: RefusedFields = field(default_factory=RefusedFields)

    async def stream(self, client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Part]:
        """See ChatDialect. Raises also BadInput, for a conversation with nothing to answer."""
        row, key = call.access.row, call.access.key
        if not call.model:
            raise ModelRetired(row.name, "no model is named")
        question = Question(
            engine=row.name,
            url=f"{call.access.base_url}/{self.path}",
            headers=headers_of(call.access, self.headers),
            body=self._refused.without(row, call.model, self.body(call)),
            hidden=(key.get_secret_value() if key else "", *everything_said(call.conversation)),
        )
        try:
            async with aclosing(ask(client, question, Answer(call, self.tell, self.clock), self.clock)) as parts:
                async for part in parts:
                    yield part
        except RequestRefused as error:
            self._refused.learn(row, call.model, question.body, error)
            raise

    async def models(self, client: httpx.AsyncClient, access: Access[ChatProvider]) -> tuple[str, ...]:
        """See ChatDialect."""
        return await listed(client, access, self.headers, self.clock)
