"""What a ledger has to know of an engine beforehand: whose machine it is on, its limits, which key it is asked with."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import SecretStr

from config.providers import Access, Service
from workers.failover.limits import kept_below
from workers.failover.resting import CLOUD, CLOUD_BUSY, LOCAL_BUSY, NEIGHBOUR, OWN, Rest

type Kind = Literal["cloud", "neighbour", "own"]
"""Somebody else's machine; another program on this one; inside this process."""

LONGEST_CAUSE: Final = 160
"""Characters of an error that are kept: providers have been seen to answer with whole pages."""
FINGERPRINT_CHARACTERS: Final = 12


@dataclass(frozen=True, slots=True)
class Facts:
    name: str
    kind: Kind = "own"
    model: str = ""
    """The row's own."""
    per_minute: int = 0
    """Requests that we allow ourselves; 0: no limit."""
    per_day: int = 0
    fingerprint: str = ""
    """Changes with the address, the model and the key; tells nothing of any."""
    key: SecretStr | None = field(default=None, repr=False)

    def shown(self) -> dict[str, Any]:
        """What others may know of it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "model": self.model,
            "per_minute": self.per_minute,
            "per_day": self.per_day,
            "fingerprint": self.fingerprint,
        }

    @property
    def rest(self) -> Rest:
        return {"cloud": CLOUD, "neighbour": NEIGHBOUR, "own": OWN}[self.kind]

    @property
    def busy(self) -> Rest:
        return CLOUD_BUSY if self.kind == "cloud" else LOCAL_BUSY


def facts_of(access: Access[Any]) -> Facts:
    key = access.key.get_secret_value() if access.key is not None else ""
    seen = "\n".join((access.base_url, getattr(access.row, "model", ""), key))
    return facts_of_row(access.row, hashlib.sha256(seen.encode()).hexdigest()[:FINGERPRINT_CHARACTERS], access.key)


def facts_of_row(row: Service, fingerprint: str = "", key: SecretStr | None = None) -> Facts:
    return Facts(
        name=row.name,
        kind="neighbour" if row.is_local else "cloud",
        model=getattr(row, "model", ""),
        per_minute=kept_below(row.requests_per_minute) if row.requests_per_minute else 0,
        per_day=kept_below(row.requests_per_day) if row.requests_per_day else 0,
        fingerprint=fingerprint,
        key=key,
    )


def without_keys(text: str, facts: Iterable[Facts]) -> str:
    """``text`` fit to be kept and shown: no key that we know, and not too long. Errors should not quote a key; a
    provider's own message may."""
    for each in facts:
        key = each.key.get_secret_value() if each.key is not None else ""
        if key:
            text = text.replace(key, "***")
    return " ".join(text.split())[:LONGEST_CAUSE]
