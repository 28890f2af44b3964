"""Reads and writes SCALE, and has the types of the protocol in it.

A type is an object with `read(reader)` and `write(value)`. Values are what the JSON files have: bytes as
hexadecimal, numbers of 64 and 128 bits as decimal strings, variants by name.
"""


class Malformed(Exception):
    """Bytes that are not the encoding of anything."""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        if self.at + length > len(self.data):
            raise Malformed("ends too early")
        self.at += length
        return self.data[self.at - length : self.at]


class Bytes:
    """So many bytes."""

    def __init__(self, length):
        self.length = length

    def read(self, reader):
        return reader.take(self.length).hex()

    def write(self, value):
        data = bytes.fromhex(value)
        assert len(data) == self.length, "wrong length"
        return data


class Number:
    """An integer of so many bytes; from eight bytes on a string in JSON."""

    def __init__(self, length):
        self.length = length

    def read(self, reader):
        value = int.from_bytes(reader.take(self.length), "little")
        return str(value) if self.length >= 8 else value

    def write(self, value):
        return int(value).to_bytes(self.length, "little")


class Boolean:
    def read(self, reader):
        byte = reader.take(1)[0]
        if byte > 1:
            raise Malformed("neither true nor false")
        return byte == 1

    def write(self, value):
        return bytes([value])


class Option:
    """Nothing, or something."""

    def __init__(self, item):
        self.item = item

    def read(self, reader):
        byte = reader.take(1)[0]
        if byte > 1:
            raise Malformed("neither nothing nor something")
        return self.item.read(reader) if byte else None

    def write(self, value):
        return b"\0" if value is None else b"\1" + self.item.write(value)


class Compact:
    """A length, as short as it can be. None here needs more than four bytes."""

    def read(self, reader):
        first = reader.take(1)[0]
        mode = first & 3
        if mode == 3:
            raise Malformed("a length beyond all bounds")
        length = 1 << mode
        rest = reader.take(length - 1)
        value = int.from_bytes(bytes([first]) + rest, "little") >> 2
        if mode and value < 1 << (8 * (length // 2) - 2):
            raise Malformed("a length that could be shorter")
        return value

    def write(self, value):
        for mode in range(3):
            length = 1 << mode
            if value < 1 << (8 * length - 2):
                return (value << 2 | mode).to_bytes(length, "little")
        raise ValueError("a length beyond all bounds")


class Blob:
    """A length and so many bytes."""

    def __init__(self, most):
        self.most = most

    def read(self, reader):
        length = Compact().read(reader)
        if length > self.most:
            raise Malformed("too long")
        return reader.take(length).hex()

    def write(self, value):
        data = bytes.fromhex(value)
        return Compact().write(len(data)) + data


class List:
    """A length and so many items."""

    def __init__(self, item, most):
        self.item, self.most = item, most

    def read(self, reader):
        length = Compact().read(reader)
        if length > self.most:
            raise Malformed("too many")
        return [self.item.read(reader) for _ in range(length)]

    def write(self, value):
        return Compact().write(len(value)) + b"".join(map(self.item.write, value))


class Array:
    """So many items, without a length."""

    def __init__(self, item, length):
        self.item, self.length = item, length

    def read(self, reader):
        return [self.item.read(reader) for _ in range(self.length)]

    def write(self, value):
        assert len(value) == self.length, "wrong length"
        return b"".join(map(self.item.write, value))


class Struct:
    """One field after the other."""

    def __init__(self, **fields):
        self.fields = fields

    def read(self, reader):
        return {name: field.read(reader) for name, field in self.fields.items()}

    def write(self, value):
        assert set(value) == set(self.fields), "other fields"
        return b"".join(field.write(value[name]) for name, field in self.fields.items())


class Enum:
    """The number of a variant, and what it has. A variant is a name, or a name and a type."""

    def __init__(self, *variants):
        self.variants = [v if isinstance(v, tuple) else (v, None) for v in variants]

    def read(self, reader):
        index = reader.take(1)[0]
        if index >= len(self.variants):
            raise Malformed("no such variant")
        name, contents = self.variants[index]
        return {name: contents.read(reader)} if contents else name

    def write(self, value):
        name, inner = (value, None) if isinstance(value, str) else next(iter(value.items()))
        index = [variant[0] for variant in self.variants].index(name)
        contents = self.variants[index][1]
        assert (contents is None) == isinstance(value, str), "contents where none are, or none"
        return bytes([index]) + (contents.write(inner) if contents else b"")


def decode(of, data):
    """Reads exactly these bytes."""
    reader = Reader(data)
    value = of.read(reader)
    if reader.at != len(data):
        raise Malformed("bytes are left over")
    return value


KEY = HASH = ACCOUNT = Bytes(32)
SIGNATURE = Bytes(64)
U16, U32, U64, U128 = Number(2), Number(4), Number(8), Number(16)

CLASS = Enum("Critical", "High", "Normal", "Bulk")
VOTE = Struct(checkpoint=U64, block_hash=HASH)
SIGNED_VOTE = Struct(vote=VOTE, key=KEY, signature=SIGNATURE)
CERTIFICATE = Struct(
    vote=VOTE, signatures=List(Struct(key=KEY, signature=SIGNATURE), 2**30)
)
PROOF = Struct(genesis_hash=HASH, first=SIGNED_VOTE, second=SIGNED_VOTE)
POSSESSION = Struct(
    account=ACCOUNT, role=Enum("DirectorPeer", "ValidatorPeer", "Checkpoint"), key=KEY
)
ENVELOPE = Struct(
    origin=KEY,
    epoch=U64,
    **{"class": CLASS},
    seq=U64,
    kind=Enum("CheckpointVote", "Certificate", "BlockAnnouncement", ("Opaque", Blob(32))),
    encoding=Enum("Identity", "Zstd"),
    payload=Blob(2**30),
)
SIGNED_ENVELOPE = Struct(envelope=ENVELOPE, signature=SIGNATURE)
REQUEST = Struct(
    validator=ACCOUNT, registration_id=U64, block_number=U64, block_hash=HASH, timestamp_ms=U64
)
SIGNED_REQUEST = Struct(request=REQUEST, signature=SIGNATURE)
REASON = Enum(
    "LowStake",
    "RateLimit",
    "EnvelopeEquivocation",
    "InvalidSignatures",
    "DoubleSign",
    "Operator",
)
DIRECTOR_VOTE = Struct(
    validator=ACCOUNT,
    registration_id=U64,
    decision=Enum("Approve", ("Revoke", REASON)),
    nonce=U64,
    valid_until=U64,
)
SIGNED_DIRECTOR_VOTE = Struct(director=ACCOUNT, vote=DIRECTOR_VOTE, signature=SIGNATURE)
ENTRY = Struct(origin=KEY, epoch=U64, contiguous=Array(U64, 4))
HEARTBEAT = Struct(
    director=KEY,
    time_ms=U64,
    validators=U32,
    capacity=U32,
    cpu_permille=U16,
    bandwidth_bytes_per_s=U64,
    finalized=U64,
    vector=Enum(("Hash", HASH), ("Delta", List(ENTRY, 2**30))),
)
SIGNED_HEARTBEAT = Struct(heartbeat=HEARTBEAT, signature=SIGNATURE)
ENTRIES = List(ENTRY, 1_500)
RANGE = Struct(origin=KEY, epoch=U64, **{"class": CLASS}, first=U64, last=U64)
SERVED = Struct(range=RANGE, gone_to=U64, served_to=U64)
REDIRECT = Struct(directors=List(KEY, 16))
ANSWER = Enum(
    ("Approved", Struct(votes=U32, needed=U32)),
    "AlreadyAuthorized",
    "NotRegistered",
    "LowStake",
    "NotEligible",
    "InvalidSignature",
    "Stale",
    "OtherChain",
    "InvalidStakeProof",
    "OtherValidatorsProof",
    "StakeNotHeld",
    "Denied",
    "Unavailable",
    ("Revoked", REASON),
)
APPLICATION = Struct(request=SIGNED_REQUEST, stake_proof=Struct(nodes=List(Blob(4096), 64)))
CONTROL = Enum(
    ("Welcome", Struct(last_epoch=U64, authorized=Boolean())),
    ("AuthorizationRequest", APPLICATION),
    ("AuthorizationAnswer", ANSWER),
    ("DirectorVote", SIGNED_DIRECTOR_VOTE),
    ("Evidence", PROOF),
    ("Heartbeat", SIGNED_HEARTBEAT),
    ("Redirect", REDIRECT),
    ("Attach", Struct(role=Enum("Primary", "Standby"), vector=ENTRIES)),
    ("Vector", Struct(entries=ENTRIES, complete=Boolean())),
    "VectorRequest",
    ("Fetch", Struct(ranges=List(RANGE, 128))),
    ("Fetched", Struct(ranges=List(SERVED, 128))),
    ("Move", REDIRECT),
)

# What the chain answers (section 11 of the protocol).
DOMAIN = Struct(
    genesis_hash=HASH,
    checkpoint_interval=U64,
    min_stake=U128,
    unbonding_period=U64,
    slash_defer_period=U64,
    min_directors=U32,
    max_directors=U32,
    max_validators=U32,
    max_active_validators=U32,
    stale_after=U64,
)
ENDPOINT = Struct(scope=Enum("Public", "Mesh"), address=Blob(128))
DIRECTOR_INFO = Struct(
    account=ACCOUNT,
    peer_key=KEY,
    endpoints=List(ENDPOINT, 4),
    region=Blob(32),
    capacity=U32,
    active_since=U64,
    refreshed_at=U64,
)
DIRECTOR_SET = Struct(
    version=U64, active=List(DIRECTOR_INFO, 2**30), invited=List(ACCOUNT, 2**30)
)
STATUS = Enum("Candidate", "Authorized", "Revoked", "Exiting", "Tombstoned")
RETIRED_KEY = Struct(key=KEY, until=U64)
VALIDATOR_INFO = Struct(
    account=ACCOUNT,
    registration_id=U64,
    status=STATUS,
    stake=U128,
    unbonding=U128,
    checkpoint_key=KEY,
    peer_key=KEY,
    retired_keys=List(RETIRED_KEY, 2**30),
    slashable_from=U64,
)
STORED_VOTE = Struct(
    director=ACCOUNT,
    decision=Enum("Approve", ("Revoke", REASON)),
    nonce=U64,
    valid_until=U64,
)
VOTE_PROGRESS = Struct(registration_id=U64, needed=U32, votes=List(STORED_VOTE, 2**30))
OFFENCE = Struct(validator=ACCOUNT, checkpoint=U64, first_hash=HASH, second_hash=HASH)
PENDING_SLASH = Struct(offence=OFFENCE, reporter=ACCOUNT, reported_at=U64, apply_at=U64)
PROOF_REASON = Enum(
    "OtherChain",
    "SameBlock",
    "NotCanonical",
    "DifferentCheckpoints",
    "SmallOrderKey",
    "UnknownKey",
    "DifferentValidators",
    "AlreadyPunished",
    "Excused",
    "InvalidFirstSignature",
    "InvalidSecondSignature",
)
# Each call of `DirectorApi`: its arguments and its answer.
CALLS = {
    "domain": (Struct(), DOMAIN),
    "directors": (Struct(), DIRECTOR_SET),
    "validators": (Struct(after=Option(ACCOUNT), limit=U32), List(VALIDATOR_INFO, 1_000)),
    "validator": (Struct(account=ACCOUNT), Option(VALIDATOR_INFO)),
    "vote_progress": (Struct(account=ACCOUNT), Option(VOTE_PROGRESS)),
    "pending_slashes": (Struct(), List(PENDING_SLASH, 2**30)),
    "check_evidence": (Struct(proof=PROOF), Enum(("Ok", OFFENCE), ("Err", PROOF_REASON))),
}
# What the state has of a validator.
RECORD = Struct(
    registration_id=U64,
    status=STATUS,
    stake=U128,
    unbonding=List(Struct(amount=U128, until=U64), 2**30),
    checkpoint_key=KEY,
    peer_key=KEY,
    retired_keys=List(RETIRED_KEY, 2**30),
    retired_peer_keys=List(RETIRED_KEY, 2**30),
    was_authorized=Boolean(),
    slashable_from=U64,
    bonded_until=Option(U64),
    punishment=Option(
        Struct(
            status_before=STATUS,
            bonded_until_before=Option(U64),
            slash_pending=Boolean(),
            handed_over=Option(U64),
        )
    ),
)
