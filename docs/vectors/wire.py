"""Reads a stream of slices, and the outside of a compressed payload."""

from hashlib import blake2b

import scale

MIB = 1024 * 1024
MAX_ENVELOPE = MIB + 160
MAX_CONTROL = 256 * 1024
ZSTD_MAGIC = bytes.fromhex("28b52ffd")


def hashed(data):
    return blake2b(data, digest_size=32).hexdigest()


class Stream:
    """Puts slices together, after so many bytes of Bulk were sent the other way."""

    def __init__(self, sent):
        self.sent = sent
        self.lanes, self.frames, self.bulk_read, self.acknowledged = {}, [], 0, 0

    def read(self, data):
        """Why the connection ends, None if it does not."""
        at = 0
        while len(data) - at >= 5:
            byte, length = data[at], int.from_bytes(data[at + 1 : at + 5], "little")
            at += 5
            if byte == 5:
                if length:
                    return "BadLength"
                continue
            if byte == 6:
                self.acknowledged += length
                if self.acknowledged > self.sent:
                    return "Acknowledgement"
                continue
            kind, more = byte & 0x7F, byte >> 7
            error = self.begin(kind, length)
            if error:
                return error
            part = data[at : at + length]
            at += len(part)
            error = self.append(kind, part, len(part) == length and not more)
            if error:
                return error
        return None

    def begin(self, kind, length):
        if kind > 4:
            return "UnknownKind"
        if not length:
            return "BadLength"
        lane_kind, before = self.lanes.get(kind % 4, (kind, b""))
        if lane_kind != kind:
            return "Interleaved"
        most = MAX_CONTROL if kind == 4 else MAX_ENVELOPE
        return "TooLong" if len(before) + length > most else None

    def append(self, kind, part, complete):
        if kind == 3:
            self.bulk_read += len(part)
        frame = self.lanes.pop(kind % 4, (kind, b""))[1] + part
        if not complete:
            self.lanes[kind % 4] = (kind, frame)
            return None
        if kind == 4:
            try:
                scale.decode(scale.CONTROL, frame)
            except scale.Malformed:
                return "Control"
        self.frames.append({"kind": kind, "length": len(frame), "blake2b_256": hashed(frame)})
        return None


def zstd_content(data):
    """Content of exactly one frame, None if there is nothing to deliver. For raw and repeated blocks;
    of others (`CompressedBlock`) only the outside is looked at."""
    if data[:4] != ZSTD_MAGIC or len(data) < 5:
        return None
    descriptor, at = data[4], 5
    single, flag = descriptor >> 5 & 1, descriptor >> 6
    # A dictionary, a checksum or a bit that is reserved: none of the vectors has one.
    if descriptor & 0x0F:
        return None
    at += not single
    size_length = (single, 2, 4, 8)[flag]
    size = int.from_bytes(data[at : at + size_length], "little") + 256 * (flag == 1)
    at += size_length
    if size_length and size > MIB:
        return None
    content, last = b"", False
    while not last:
        header = int.from_bytes(data[at : at + 3], "little")
        if len(data) < at + 3:
            return None
        last, kind, length = header & 1, header >> 1 & 3, header >> 3
        block = data[at + 3 : at + 3 + (1 if kind == 1 else length)]
        at += 3 + len(block)
        if kind == 2:
            raise CompressedBlock
        content += block * length if kind == 1 else block
        if kind == 3 or len(content) > MIB or (kind == 0 and len(block) < length):
            return None
    whole = at == len(data) and (not size_length or len(content) == size)
    return content if whole else None


class CompressedBlock(Exception):
    """Needs a decompressor, which Python's library has from 3.14 on."""
