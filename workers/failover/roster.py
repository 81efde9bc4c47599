"""Everybody who can answer at one stage, in tiers: the settings order the tiers, what was measured orders each tier."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from workers.failover.cloud import CloudContender
from workers.failover.contender import Contender
from workers.failover.ledger import Ledger, Record
from workers.failover.local import LocalContender
from workers.failover.race import Because
from workers.failover.ranking import is_away, ranked

type AnyContender[Request, Item] = LocalContender[Request, Item] | CloudContender[Request, Item]


@dataclass(frozen=True, slots=True)
class Tier[Request, Item]:
    """Contenders among which what was measured decides; engines of this process keep the order that they have."""

    contenders: tuple[AnyContender[Request, Item], ...]
    ledger: Ledger

    def records(self) -> Mapping[str, Record]:
        return self.ledger.records([contender.name for contender in self.contenders])


@dataclass(frozen=True, slots=True)
class Roster[Request, Item]:
    """Any thread."""

    tiers: tuple[Tier[Request, Item], ...]

    def line(self, without: Sequence[str] = (), behind: Sequence[str] = ()) -> "RosterLine[Request, Item]":
        """Who answers one request, in order, but for ``without``; ``behind`` come behind all others who are well."""
        return RosterLine(self.tiers, without, behind)

    def preferring(self, name: str) -> "Roster[Request, Item] | None":
        """The same with ``name`` before all others; None when nobody is called that."""
        for tier in self.tiers:
            for contender in tier.contenders:
                if contender.name == name:
                    return Roster((Tier((contender,), tier.ledger), *self.tiers))
        return None

    @property
    def providers(self) -> tuple[CloudContender[Request, Item], ...]:
        everybody = (contender for tier in self.tiers for contender in tier.contenders)
        return tuple(contender for contender in everybody if isinstance(contender, CloudContender))


class RosterLine[Request, Item]:
    """Hands out everybody once. Asks a tier's ledger only when the tier is reached: a healthy first engine costs no
    trip to Redis. One thread."""

    def __init__(
        self, tiers: Sequence[Tier[Request, Item]], without: Sequence[str] = (), behind: Sequence[str] = ()
    ) -> None:
        self._tiers = tiers
        self._gone = set(without)
        self._behind = set(behind)
        self._orders: dict[int, list[AnyContender[Request, Item]]] = {}
        self._resting: list[tuple[float, AnyContender[Request, Item]]] = []

    def next(self, because: Because, *, clouds_allowed: bool) -> Contender[Request, Item] | None:
        """When nobody is left who is well, whoever rests from failures is asked all the same: that is better than
        silence. Not those who named a time themselves, and not in the place of one who is only late."""

        def may_start(contender: AnyContender[Request, Item]) -> bool:
            return (
                contender.name not in self._gone
                and (clouds_allowed or not contender.is_cloud)
                and (because not in ("slow", "late") or contender.starts_when_others_are_slow)
            )

        for contender in self._in_order(because):
            if may_start(contender):
                self._gone.add(contender.name)
                return contender
        return None

    def _in_order(self, because: Because) -> Iterator[AnyContender[Request, Item]]:
        """Who comes into question. A tier's ledger is asked when the one before has nobody."""
        behind = []
        for number, tier in enumerate(self._tiers):
            for contender in self._order(number, tier):
                if contender.name in self._behind:
                    behind.append(contender)
                else:
                    yield contender
        if because == "late":
            return
        yield from behind
        for _, contender in sorted(self._resting, key=lambda each: each[0]):
            # Those on this machine have most likely never been here: nobody looks for them in the middle of a turn.
            if contender.is_cloud or because != "slow":
                yield contender

    def _order(self, number: int, tier: Tier[Request, Item]) -> list[AnyContender[Request, Item]]:
        if number not in self._orders:
            records = tier.records()
            clouds = {each.name: each for each in tier.contenders if isinstance(each, CloudContender)}
            best = ranked([cloud.service for cloud in clouds.values()], records)
            here = [each for each in tier.contenders if isinstance(each, LocalContender)]
            well = [each for each in here if not is_away(records[each.name])]
            self._orders[number] = [*well, *(clouds[row.name] for row in best)]
            self._resting += [
                (records[each.name].rests_for_seconds, each)
                for each in tier.contenders
                if is_away(records[each.name])
                and not records[each.name].is_out
                and not records[each.name].was_told_to_wait
            ]
        return self._orders[number]
