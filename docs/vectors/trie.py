"""Reads what a few nodes of Substrate's state trie prove, and names the keys of the state.

A node has a header with the number of nibbles of its partial key, the partial key, and then a value (a leaf), or a bitmap of its
children, a value if the header says so, and the children (a branch). A value that is longer than 32 bytes is a node of its own, and
so is every child that is not shorter than 32 bytes: then its BLAKE2b-256 stands in its place.
"""

from hashlib import blake2b

import scale

MOST_BYTES = 32 * 1024
MASK = 2**64 - 1
PRIMES = (
    11400714785074694791,
    14029467366897019727,
    1609587929392839161,
    9650029242287828579,
    2870177450012600261,
)


class Incomplete(Exception):
    """The way leads to a node that is not there."""


def hashed(data):
    return blake2b(data, digest_size=32).digest()


def rotated(value, bits):
    return (value << bits | value >> (64 - bits)) & MASK


def xxhash_64(data, seed):
    """Of less than 32 bytes, which the names of pallets and their items are."""
    assert len(data) < 32, "a longer one has another beginning"
    one, two, three, four, five = PRIMES
    value, at = (seed + five + len(data)) & MASK, 0
    while at + 8 <= len(data):
        lane = int.from_bytes(data[at : at + 8], "little")
        value ^= rotated(lane * two & MASK, 31) * one & MASK
        value, at = (rotated(value, 27) * one + four) & MASK, at + 8
    if at + 4 <= len(data):
        value ^= int.from_bytes(data[at : at + 4], "little") * one & MASK
        value, at = (rotated(value, 23) * two + three) & MASK, at + 4
    for byte in data[at:]:
        value = rotated(value ^ byte * five & MASK, 11) * one & MASK
    value = (value ^ value >> 33) * two & MASK
    value = (value ^ value >> 29) * three & MASK
    return value ^ value >> 32


def twox_128(name):
    return b"".join(xxhash_64(name.encode(), seed).to_bytes(8, "little") for seed in (0, 1))


def storage_key(pallet, item, account):
    short = blake2b(account, digest_size=16).digest()
    return twox_128(pallet) + twox_128(item) + short + account


class Node:
    """What is in a node: partial key, children by nibble, value. The last two are ("hash", 32 bytes), ("inline", bytes) or None."""

    def __init__(self, data):
        reader = scale.Reader(data)
        self.children, self.value = {}, None
        byte = reader.take(1)[0]
        if byte == 0:
            self.partial = []
            return
        # How the header begins, how many bits are left for a number, is it a branch, where is the value.
        kinds = [
            (0b01, 6, False, "inline"),
            (0b10, 6, True, None),
            (0b11, 6, True, "inline"),
            (0b001, 5, False, "hash"),
            (0b0001, 4, True, "hash"),
        ]
        found = [kind for kind in kinds if byte >> kind[1] == kind[0]]
        if not found:
            raise scale.Malformed("no kind of node")
        _, bits, is_branch, value = found[0]
        length = byte & (1 << bits) - 1
        while_full = length == (1 << bits) - 1
        while while_full:
            more = reader.take(1)[0]
            length, while_full = length + more, more == 255
        key = reader.take((length + 1) // 2)
        nibbles = [nibble for byte in key for nibble in (byte >> 4, byte & 15)]
        if length % 2 and nibbles.pop(0):
            raise scale.Malformed("a partial key with something before it")
        self.partial = nibbles
        bitmap = int.from_bytes(reader.take(2), "little") if is_branch else 0
        if is_branch and not bitmap:
            raise scale.Malformed("a branch without children")
        if value == "hash":
            self.value = ("hash", reader.take(32))
        elif value == "inline":
            self.value = ("inline", reader.take(scale.Compact().read(reader)))
        for nibble in range(16):
            if bitmap >> nibble & 1:
                child = reader.take(scale.Compact().read(reader))
                self.children[nibble] = ("hash" if len(child) == 32 else "inline", child)


def all_belong(nodes, root):
    """Whether each of the nodes is the root, or is referred to by one that belongs."""
    met, waiting = set(), [(root, True)]
    while waiting:
        part = waiting.pop()
        if part[0] not in nodes or part in met:
            continue
        met.add(part)
        inline = [nodes[part[0]]] if part[1] else []
        while inline:
            node = Node(inline.pop())
            waiting += [(data, True) for kind, data in node.children.values() if kind == "hash"]
            inline += [data for kind, data in node.children.values() if kind == "inline"]
            if node.value and node.value[0] == "hash":
                waiting.append((node.value[1], False))
    return bool(nodes) and {part[0] for part in met} == set(nodes)


def value_at(nodes, root, key):
    """The value at a key; None if the nodes show that there is none."""

    def stored(kind, data):
        if kind == "inline":
            return data
        if data not in nodes:
            raise Incomplete
        return nodes[data]

    path = [nibble for byte in key for nibble in (byte >> 4, byte & 15)]
    node = Node(stored("hash", root))
    while path[: len(node.partial)] == node.partial:
        path = path[len(node.partial) :]
        if not path:
            return stored(*node.value) if node.value else None
        if path[0] not in node.children:
            return None
        node, path = Node(stored(*node.children[path[0]])), path[1:]
    return None


def stake_proof(root, account, nodes, reason):
    """What the nodes prove of an account: the name of the result, and what was proven."""
    if sum(map(len, nodes)) > MOST_BYTES:
        return "Invalid", None
    known = {hashed(node): node for node in nodes}
    try:
        if not all_belong(known, root):
            return "Invalid", None
        record = value_at(known, root, storage_key("ValidatorRegistry", "Validators", account))
        if record is None:
            return "NotRegistered", None
        holds = value_at(known, root, storage_key("Balances", "Holds", account))
        record = scale.decode(scale.RECORD, record)
        entry = scale.Struct(reason=scale.Bytes(len(reason)), amount=scale.U128)
        holds = scale.decode(scale.List(entry, 2**30), holds) if holds else []
    except Incomplete:
        return "OtherValidator", None
    except scale.Malformed:
        return "Invalid", None
    held = [hold["amount"] for hold in holds if hold["reason"] == reason.hex()]
    return "Ok", {
        "registration_id": record["registration_id"],
        "status": record["status"],
        "peer_key": record["peer_key"],
        "stake": record["stake"],
        "unbonding": str(sum(int(part["amount"]) for part in record["unbonding"])),
        "held": held[0] if held else "0",
    }
