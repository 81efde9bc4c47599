"""A Ledger that remembers what it was told and knows of everybody only what the test says."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.providers import Service
from workers.errors import EngineError
from workers.failover.ledger import Record, Spent


@dataclass(frozen=True, slots=True)
class Told:
    """One call, as ``what`` happened to whom."""

    what: str
    name: str
    detail: object = None


class RecordingLedger:
    """Thread-safe. ``refusals``: why services are not admitted, by name."""

    def __init__(self, records: Mapping[str, Record] | None = None, refusals: Mapping[str, str] | None = None) -> None:
        self.told: list[Told] = []
        self._records = dict(records or {})
        self._refusals = dict(refusals or {})
        self._changed = threading.Condition()

    def records(self, names: Sequence[str]) -> Mapping[str, Record]:
        return {name: self._records.get(name, Record()) for name in names}

    def admit(self, service: Service) -> str:
        refusal = self._refusals.get(service.name, "")
        self._note("refused" if refusal else "admitted", service.name)
        return refusal

    def began(self, name: str, first_seconds: float) -> None:
        self._note("began", name, first_seconds)

    def succeeded(self, name: str, spent: Spent) -> None:
        self._note("succeeded", name, spent)

    def failed(self, name: str, error: EngineError) -> None:
        self._note("failed", name, error)

    def wasted(self, name: str, spent: Spent) -> None:
        self._note("wasted", name, spent)

    def allowed(self, name: str, requests_left: int, requests_limit: int, resets_in_seconds: float) -> None:
        self._note("allowed", name, (requests_left, requests_limit, resets_in_seconds))

    def healed(self, name: str, model: str) -> None:
        self._note("healed", name, model)

    def details(self, what: str, name: str) -> list[object]:
        """Of every such call, oldest first."""
        return [told.detail for told in list(self.told) if (told.what, told.name) == (what, name)]

    def errors(self, name: str) -> list[EngineError]:
        """How it failed, oldest first."""
        return [error for error in self.details("failed", name) if isinstance(error, EngineError)]

    def wait_for(self, what: str, name: str, timeout_seconds: float = 30) -> bool:
        """Until it was told of that; False when it never was."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self.details(what, name)), timeout_seconds)

    def _note(self, what: str, name: str, detail: object = None) -> None:
        with self._changed:
            self.told.append(Told(what, name, detail))
            self._changed.notify_all()
