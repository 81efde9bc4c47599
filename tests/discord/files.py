"""Attachments: what was uploaded, to be fetched by its address."""

from dataclasses import dataclass, field

from tests.discord.events import Json
from tests.discord.snowflakes import Snowflakes


@dataclass(slots=True)
class Files:
    snowflakes: Snowflakes
    base_url: str = ""
    """Of the simulator's HTTP server; set once its port is known."""
    _contents: dict[int, tuple[bytes, str]] = field(default_factory=dict)

    def keep(self, name: str, content: bytes, content_type: str, **extra: object) -> Json:
        """Returns the attachment as it is in a message. ``extra`` is what voice messages have besides."""
        id_ = self.snowflakes.next()
        self._contents[id_] = (content, content_type)
        url = f"{self.base_url}/attachments/{id_}/{name}"
        return {
            "id": str(id_),
            "filename": name,
            "size": len(content),
            "url": url,
            "proxy_url": url,
            "content_type": content_type,
            **extra,
        }

    def read(self, id_: int) -> tuple[bytes, str] | None:
        """Content and type; None when there is no such file."""
        return self._contents.get(id_)
