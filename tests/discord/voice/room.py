"""A voice channel's call: who sits in it, and the selective forwarding of what they say."""

from tests.discord.events import Json
from tests.discord.journal import Journal
from tests.discord.voice.dave_group import DaveGroup
from tests.discord.voice.ops import Op
from tests.discord.voice.rtp import RtpPacket
from tests.discord.voice.seat import Seat


class Room:
    """Belongs to the simulator's loop."""

    def __init__(self, channel_id: int, dave: DaveGroup, journal: Journal) -> None:
        self.channel_id = channel_id
        self.dave = dave
        self.journal = journal
        self.seats: dict[int, Seat] = {}
        self.suppressed: set[int] = set()
        """Who may not speak: a stage's audience, and those without the permission. What they send is dropped."""

    async def enter(self, seat: Seat) -> None:
        """After the seat has got its key. Tells it who is here, and them who comes."""
        others = [other for user_id, other in self.seats.items() if user_id != seat.user_id]
        self.seats[seat.user_id] = seat
        if others:
            await seat.tell(Op.CLIENTS_CONNECT, {"user_ids": [str(other.user_id) for other in others]})
        for other in others:
            await other.tell(Op.CLIENTS_CONNECT, {"user_ids": [str(seat.user_id)]})
        await self._tell_about(seat, others)
        await self.dave.enter(seat)

    async def leave(self, seat: Seat) -> None:
        if self.seats.get(seat.user_id) is not seat:
            return
        del self.seats[seat.user_id]
        for other in [*self.seats.values()]:
            await other.tell(Op.CLIENT_DISCONNECT, {"user_id": str(seat.user_id)})
        await self.dave.leave(seat)

    async def speaking(self, seat: Seat, flags: int, ssrc: int | None = None) -> None:
        """Op 5 of one seat, passed on to the others."""
        data: Json = {"user_id": str(seat.user_id), "ssrc": seat.ssrc if ssrc is None else ssrc, "speaking": flags}
        for other in self.others(seat):
            await other.tell(Op.SPEAKING, data)

    def forward(self, seat: Seat, packet: RtpPacket) -> None:
        if seat.user_id in self.suppressed:
            return
        for other in self.others(seat):
            other.hear(packet)

    def others(self, seat: Seat) -> list[Seat]:
        return [other for other in self.seats.values() if other is not seat]

    async def _tell_about(self, seat: Seat, others: list[Seat]) -> None:
        """What Discord says of each client besides: its flags, and what it runs on."""
        for listener, subject in [(seat, other) for other in others] + [(other, seat) for other in others]:
            await listener.tell(Op.CLIENT_FLAGS, {"user_id": str(subject.user_id), "flags": 2})
            await listener.tell(Op.CLIENT_PLATFORM, {"user_id": str(subject.user_id), "platform": 0})
