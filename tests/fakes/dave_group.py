"""A DAVE group in one process: real members (dave.Session), and the server's part of MLS, which only proposes.

The server is MLS's external sender (RFC 9420, 6 and 12.1.8.1): its proposals need a signature and the epoch's number,
and nothing of the group's secrets.
"""

import struct

import dave
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CHANNEL = 4_000_000_000_001
MLS_10 = struct.pack(">H", 1)
PUBLIC_MESSAGE = struct.pack(">H", 1)
ADD, REMOVE = 1, 3


def vector(content: bytes) -> bytes:
    """Length first (RFC 9420, 2.1.2)."""
    if len(content) < 64:
        return bytes([len(content)]) + content
    return struct.pack(">H", 0x4000 | len(content)) + content


class ExternalSender:
    """The voice gateway's part."""

    def __init__(self, group_id: int = CHANNEL) -> None:
        self.group_id = group_id
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def package(self) -> bytes:
        """What op 25 carries."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return vector(point) + struct.pack(">H", 1) + vector(b"gateway")

    def add(self, key_package: bytes, epoch: int) -> bytes:
        """What op 27 carries to let somebody in."""
        return self._proposals(struct.pack(">H", ADD) + key_package, epoch)

    def remove(self, leaf: int, epoch: int) -> bytes:
        return self._proposals(struct.pack(">HI", REMOVE, leaf), epoch)

    def _proposals(self, proposal: bytes, epoch: int) -> bytes:
        sender = struct.pack(">BI", 2, 0)
        content = vector(self.group_id.to_bytes(8, "big")) + struct.pack(">Q", epoch) + sender + vector(b"") + b"\x02"
        signed = MLS_10 + PUBLIC_MESSAGE + content + proposal
        labelled = vector(b"MLS 1.0 FramedContentTBS") + vector(signed)
        signature = self._key.sign(labelled, ec.ECDSA(SHA256()))
        return b"\x00" + vector(signed + vector(signature))


class Member:
    """A Discord client's end of DAVE."""

    def __init__(self, user_id: int, sender: ExternalSender) -> None:
        self.user_id = user_id
        self.session = dave.Session()
        self.session.init(1, sender.group_id, str(user_id), dave.SignatureKeyPair.generate(1))
        self.session.set_external_sender(sender.package)
        self.encryptor = dave.Encryptor()

    def key_package(self) -> bytes:
        return self.session.get_marshalled_key_package()

    def begin_epoch(self, ssrc: int) -> None:
        """Send with the new epoch's key from now on."""
        self.encryptor.assign_ssrc_to_codec(ssrc, dave.Codec.opus)
        self.encryptor.set_key_ratchet(self.session.get_key_ratchet(str(self.user_id)))

    def seal(self, ssrc: int, frame: bytes) -> bytes:
        sealed = self.encryptor.encrypt(dave.MediaType.audio, ssrc, frame)
        assert sealed is not None
        return sealed

    def ratchets(self, *user_ids: int) -> dict[int, dave.IKeyRatchet]:
        found = {user_id: self.session.get_key_ratchet(str(user_id)) for user_id in user_ids}
        return {user_id: ratchet for user_id, ratchet in found.items() if ratchet is not None}


class Group:
    """Members in the order they came; the first one commits."""

    def __init__(self, *user_ids: int) -> None:
        self.sender = ExternalSender()
        self.members = [Member(user_ids[0], self.sender)]
        self.epoch = 0
        for user_id in user_ids[1:]:
            self.join(Member(user_id, self.sender))

    def join(self, member: Member) -> None:
        known = {str(user.user_id) for user in [*self.members, member]}
        proposals = self.sender.add(member.key_package(), self.epoch)
        made = [present.session.process_proposals(proposals, known) for present in self.members]
        commit_welcome = made[0]
        assert commit_welcome is not None
        commit, welcome = split(commit_welcome)
        for present in self.members:
            assert isinstance(present.session.process_commit(commit), dict)
        assert member.session.process_welcome(welcome, known) is not None
        self.members.append(member)
        self.epoch += 1

    def __getitem__(self, user_id: int) -> Member:
        return next(member for member in self.members if member.user_id == user_id)


def split(commit_welcome: bytes) -> tuple[bytes, bytes]:
    """Commit (an MLSMessage) and Welcome, which stand there without lengths: the commit's end must be found."""
    reader = _Reader(commit_welcome)
    reader.skip(4)
    reader.vector()  # group id
    reader.skip(8 + 1 + 4)  # epoch, sender
    reader.vector()  # authenticated data
    reader.skip(1)
    reader.vector()  # proposals, by value or by reference
    if reader.byte():
        reader.update_path()
    for _ in range(3):  # signature, confirmation tag, membership tag
        reader.vector()
    return commit_welcome[: reader.at], commit_welcome[reader.at :]


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def skip(self, count: int) -> None:
        self.at += count

    def byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def vector(self) -> bytes:
        first = self.content[self.at]
        width = 1 << (first >> 6)
        length = int.from_bytes(self.content[self.at : self.at + width], "big") & ((1 << 8 * width - 2) - 1)
        start = self.at + width
        self.at = start + length
        return self.content[start : self.at]

    def update_path(self) -> None:
        self.vector()  # encryption key
        self.vector()  # signature key
        self.skip(2)
        self.vector()  # identity
        for _ in range(5):  # capabilities
            self.vector()
        source = self.byte()
        if source == 1:
            self.skip(16)  # lifetime
        elif source == 3:
            self.vector()  # parent hash
        self.vector()  # extensions
        self.vector()  # signature
        self.vector()  # path nodes
