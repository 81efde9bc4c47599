"""DAVE in one call, the server's side: who is in the MLS group, which proposals stand, when everyone is ready.

The server holds no secret: it proposes, lets the first valid commit win, and hands commits and Welcomes on
(daveprotocol.com; the flow was checked against dave.py and davey)."""

import asyncio
import struct
from dataclasses import dataclass
from typing import Final

from tests.discord.events import DaveExecuted, DaveRefused, Json
from tests.discord.journal import Journal
from tests.discord.voice.external_sender import ExternalSender, Proposal
from tests.discord.voice.faults import VoiceFaults
from tests.discord.voice.mls_codec import Commit, NotMls, identity_of, read_commit, vector
from tests.discord.voice.ops import Op
from tests.discord.voice.seat import Seat
from tests.discord.voice.transitions import Transitions

APPEND, REVOKE = b"\0", b"\1"
NEW_GROUP_EPOCH: Final = 1
"""What op 24 says when a group begins anew."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A member of the group, and the key package that brought them in."""

    user_id: int
    key_package: bytes


class DaveGroup:
    """Belongs to the simulator's loop. Its public methods come one after the other, whoever calls them."""

    def __init__(self, channel_id: int, faults: VoiceFaults, journal: Journal) -> None:
        self.channel_id = channel_id
        self.faults = faults
        self.journal = journal
        self.version = min(1, faults.largest_dave_version)
        """Of the call as it was last decided; transitions to it may still be under way."""
        self.epoch = 0
        """0 as long as everyone has only a group of their own."""
        self.leaves: list[Leaf | None] = []
        """Who sits at which leaf of the group's tree."""
        self._group_id = struct.pack(">Q", channel_id)
        self._sender = ExternalSender()
        self._seats: dict[int, Seat] = {}
        self._key_packages: dict[int, bytes] = {}
        """The newest of everyone here. A member whose leaf was made from another one is to be removed, and added
        again: they left and came back, or couldn't follow (op 31)."""
        self._proposed: dict[int, dict[bytes, Proposal]] = {}
        """What each member was sent in this epoch and must commit, by reference."""
        self._transitions = Transitions()
        self._proposing: asyncio.Task[None] | None = None
        """Waits for its turn to propose."""
        self._lock = asyncio.Lock()

    @property
    def members(self) -> tuple[int, ...]:
        return tuple(leaf.user_id for leaf in self.leaves if leaf is not None)

    def version_with(self, seat: Seat) -> int:
        """Which version the call has once this seat is in it: what op 4 says."""
        others = [other for user_id, other in self._seats.items() if user_id != seat.user_id]
        return self._common_version([*others, seat])

    async def enter(self, seat: Seat) -> None:
        async with self._lock:
            self._seats[seat.user_id] = seat
            before, self.version = self.version, self._common_version([*self._seats.values()])
            if self.version == 0:
                if before:
                    await self._downgrade(newcomer=seat)
                return
            if before == 0:
                await self._upgrade(newcomer=seat)
                return
            await seat.tell_binary(Op.EXTERNAL_SENDER, self._sender.package())
            await self._propose()

    async def leave(self, seat: Seat) -> None:
        async with self._lock:
            if self._seats.get(seat.user_id) is not seat:
                return
            del self._seats[seat.user_id]
            self._forget_promises(seat)
            before, self.version = self.version, self._common_version([*self._seats.values()])
            if not self._seats:
                self._forget_group()
            elif self.version == 0 and before:
                await self._downgrade(newcomer=None)
            elif self.version and before == 0:
                await self._upgrade()
            else:
                await self._propose()
            self._transitions.leave(seat.user_id)
            await self._send_due()

    async def receive(self, seat: Seat, op: int, data: Json) -> None:
        """Op 23 or 31 of a client."""
        async with self._lock:
            if self._seats.get(seat.user_id) is not seat:
                return  # sent by someone who has left since
            if op == Op.TRANSITION_READY:
                self._transitions.ready(seat.user_id, data["transition_id"])
            elif op == Op.INVALID_COMMIT_WELCOME:
                self.journal.record(DaveRefused(seat.user_id, data["transition_id"]))
                self._forget_promises(seat)
                await self._propose()
            await self._send_due()

    async def receive_binary(self, seat: Seat, op: int, payload: bytes) -> None:
        """Op 26 or 28 of a client. Raises NotMls when it is nothing of that kind."""
        async with self._lock:
            if self._seats.get(seat.user_id) is not seat:
                return
            if op == Op.KEY_PACKAGE:
                if identity_of(payload) != struct.pack(">Q", seat.user_id):
                    raise NotMls("a key package of the client's own")
                self._forget_promises(seat)
                self._key_packages[seat.user_id] = payload
                self._propose_soon()
            elif op == Op.COMMIT_WELCOME:
                await self._consider(seat, read_commit(payload))
            await self._send_due()

    async def renew(self) -> None:
        """Begin a new group with everyone in it (op 24), as after a fault of the server."""
        async with self._lock:
            await self._upgrade()

    def _common_version(self, seats: list[Seat]) -> int:
        if len(seats) == 1 and self.faults.sole_member_downgrades and self.epoch:
            return 0
        return min([self.faults.largest_dave_version, *(seat.max_dave_version for seat in seats)])

    # Proposals

    def _propose_soon(self) -> None:
        """Once for all who are just arriving: every proposal costs every member a commit."""
        if self._proposing is None:
            self._proposing = asyncio.create_task(self.journal.watch(self._propose_in_turn()))

    async def _propose_in_turn(self) -> None:
        async with self._lock:
            self._proposing = None
            await self._propose()

    async def _propose(self) -> None:
        """Bring what is proposed in line with who is here."""
        if self.version == 0:
            return
        packages = self._key_packages
        if self.epoch == 0:
            for member in packages if len(packages) > 1 else ():
                others = {user_id: package for user_id, package in packages.items() if user_id != member}
                await self._propose_to([member], others, removed=[])
            return
        staying = self._staying()
        if not staying:
            await self._upgrade()  # nobody is left who could commit
            return
        removed = [user_id for user_id in self.members if user_id not in staying]
        added = {user_id: package for user_id, package in packages.items() if user_id not in staying}
        await self._propose_to([*staying], added, removed)

    async def _propose_to(self, members: list[int], added: dict[int, bytes], removed: list[int]) -> None:
        """Tell members what changed against what they were told in this epoch."""
        known = self._proposed.setdefault(members[0], {})
        wanted: set[tuple[int, bytes | None]] = {*added.items(), *((user_id, None) for user_id in removed)}
        revoked = [p.reference for p in known.values() if (p.user_id, p.key_package) not in wanted]
        proposed = {(proposal.user_id, proposal.key_package) for proposal in known.values()}
        new = [
            self._sender.remove(self._group_id, self.epoch, user_id, self._leaf_of(user_id))
            for user_id in removed
            if (user_id, None) not in proposed
        ]
        new += [
            self._sender.add(self._group_id, self.epoch, user_id, package)
            for user_id, package in added.items()
            if (user_id, package) not in proposed
        ]
        kept = {reference: proposal for reference, proposal in known.items() if reference not in revoked}
        for member in members:
            self._proposed[member] = kept | {proposal.reference: proposal for proposal in new}
        for member in members:
            if revoked:
                references = vector(b"".join(map(vector, revoked)))
                await self._seats[member].tell_binary(Op.PROPOSALS, REVOKE + references)
            if new:
                messages = vector(b"".join(proposal.message for proposal in new))
                await self._seats[member].tell_binary(Op.PROPOSALS, APPEND + messages)

    # Commits

    async def _consider(self, seat: Seat, commit: Commit) -> None:
        """Let the first commit of an epoch win that covers all that was proposed to its author."""
        proposed = self._proposed.get(seat.user_id)
        is_current = commit.group_id == self._group_id and commit.epoch == self.epoch
        if not proposed or not is_current or {*commit.references} != {*proposed}:
            return
        applied = [proposed[reference] for reference in commit.references]
        added = [proposal.user_id for proposal in applied if proposal.key_package]
        if self.epoch == 0:
            self.leaves = [Leaf(seat.user_id, self._key_packages[seat.user_id])]
        self._plant(applied)
        self.epoch += 1
        self._proposed = {}
        staying = self._staying()
        transition_id = self._transitions.begin(staying, self.version) if len(self.members) > 1 else 0
        prefix = struct.pack(">H", transition_id)
        for member in staying:
            if member in added:
                await self._seats[member].tell_binary(Op.WELCOME, prefix + commit.welcome)
            else:
                await self._seats[member].tell_binary(Op.ANNOUNCE_COMMIT, prefix + commit.message)
        if transition_id == 0:
            self._record(0, self.version)
        await self._propose()

    def _plant(self, applied: list[Proposal]) -> None:
        """Who sits where afterwards: removals first, then each newcomer at the leftmost empty leaf (RFC 9420, 7.7)."""
        for proposal in applied:
            if proposal.key_package is None:
                self.leaves[self._leaf_of(proposal.user_id)] = None
        while self.leaves and self.leaves[-1] is None:
            self.leaves.pop()
        for proposal in applied:
            if proposal.key_package is None:
                continue
            leaf = Leaf(proposal.user_id, proposal.key_package)
            if None in self.leaves:
                self.leaves[self.leaves.index(None)] = leaf
            else:
                self.leaves.append(leaf)

    def _staying(self) -> set[int]:
        """Members who are here with the key package that brought them into the group."""
        leaves = [leaf for leaf in self.leaves if leaf is not None]
        return {leaf.user_id for leaf in leaves if self._key_packages.get(leaf.user_id) is leaf.key_package}

    def _leaf_of(self, user_id: int) -> int:
        return next(index for index, leaf in enumerate(self.leaves) if leaf and leaf.user_id == user_id)

    # Changes of version

    async def _downgrade(self, newcomer: Seat | None) -> None:
        """Everyone but who just came (and was told by op 4) goes over to no end-to-end encryption."""
        self._forget_group()
        seats = [seat for seat in self._seats.values() if seat is not newcomer and seat.max_dave_version]
        is_alone = len(self._seats) == 1
        told = {seat.user_id for seat in seats}
        transition_id = 0 if is_alone or not told else self._transitions.begin(told, 0)
        for seat in seats:
            data = {"transition_id": transition_id, "protocol_version": 0}
            await seat.tell(Op.PREPARE_TRANSITION, data)
        if transition_id == 0:
            self._record(0, 0)

    async def _upgrade(self, newcomer: Seat | None = None) -> None:
        """Everyone begins a new group: op 24 (who just came knows it from op 4), then the server's key again."""
        self._forget_group()
        for seat in [*self._seats.values()]:
            if seat is not newcomer:
                await seat.tell(Op.PREPARE_EPOCH, {"epoch": NEW_GROUP_EPOCH, "protocol_version": self.version})
            await seat.tell_binary(Op.EXTERNAL_SENDER, self._sender.package())

    def _forget_promises(self, seat: Seat) -> None:
        """Its key package, and what it was to commit: it left, or begins anew."""
        self._key_packages.pop(seat.user_id, None)
        self._proposed.pop(seat.user_id, None)

    def _forget_group(self) -> None:
        self.epoch, self.leaves = 0, []
        self._proposed, self._key_packages = {}, {}

    # Transitions

    async def _send_due(self) -> None:
        """Op 22 for what everyone is ready for."""
        if self.faults.ignores_transitions:
            return
        for transition in self._transitions.take_due():
            for user_id in transition.members & {*self._seats}:
                await self._seats[user_id].tell(Op.EXECUTE_TRANSITION, {"transition_id": transition.id})
            self._record(transition.id, transition.version)

    def _record(self, transition_id: int, version: int) -> None:
        event = DaveExecuted(self.channel_id, transition_id, version, self.epoch, self.members)
        self.journal.record(event)
