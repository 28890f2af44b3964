#!/usr/bin/env python3
"""Checks the protocol's test vectors from the text of docs/protocol.md alone.

    python3 docs/vectors/check.py             # every vector
    python3 docs/vectors/check.py --mutate    # and that a changed one is noticed, --seed N repeats a run

Python's standard library and the modules beside this file; no line of the programs that made the vectors.
"""

import argparse
import json
import pathlib
import sys
import time
from hashlib import blake2b

sys.dont_write_bytecode = True

import ed25519
import mutation
import scale
import trie
import wire

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1024 * 1024
BASE_58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

STATEMENTS = {
    "possession": scale.POSSESSION,
    "checkpoint-vote": scale.VOTE,
    "envelope": scale.ENVELOPE,
    "authorization-request": scale.REQUEST,
    "authorization-vote": scale.DIRECTOR_VOTE,
    "heartbeat": scale.HEARTBEAT,
}


def equal(what, found, stated):
    if found != stated or type(found) is not type(stated):
        raise mutation.Wrong(f"{what}: {str(stated)[:90]} is stated, {str(found)[:90]} found")


def raw(text):
    return bytes.fromhex(text)


def joined(parts):
    """The bytes of parts: hexadecimal, or hexadecimal and how many times."""
    whole = [raw(p) if isinstance(p, str) else raw(p[0]) * p[1] for p in parts]
    return b"".join(whole)


def message_of(kind, genesis, body):
    """What a signature covers."""
    return b"director/v1/" + kind.encode() + b"\0" + raw(genesis) + body


def signed_by(kind, genesis, of, fields, key, signature):
    message = message_of(kind, genesis, of.write(fields))
    return ed25519.verify(raw(key), message, raw(signature))


def round_trip(of, case):
    """The bytes are those of the fields, and the other way round."""
    data = raw(case["bytes"])
    equal("fields", scale.decode(of, data), case["fields"])
    equal("bytes", of.write(case["fields"]).hex(), case["bytes"])
    return data


def protocol(file):
    equal("context", "director/v1/", file["context"])
    for case in file["prefixes"]:
        prefix = message_of(case["kind"], case["genesis_hash"], b"")
        equal("prefix", prefix.hex(), case["prefix"])
    equal("kinds", [case["kind"] for case in file["prefixes"]], list(STATEMENTS))
    for case in file["stream_protocols"]:
        equal("name", "/director/1/" + case["genesis_hash"][:16], case["name"])
    limits = {
        "payload_bytes": MIB,
        "envelope_bytes": wire.MAX_ENVELOPE,
        "control_bytes": wire.MAX_CONTROL,
        "topic_bytes": 32,
        "redirects": 16,
        "vector_entries": 1_500,
        "ranges": 128,
        "proof_nodes": 64,
        "proof_node_bytes": 4_096,
        "proof_bytes": 32 * 1024,
        "nonces_per_block": 65_536,
    }
    equal("limits", limits, file["limits"])


def base_58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE_58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def keys(file):
    for case in file["peer_ids"]:
        equal("key", ed25519.public_key(raw(case["seed"])).hex(), case["key"])
        peer_id = bytes.fromhex("002408011220") + raw(case["key"])
        equal("peer id", peer_id.hex(), case["peer_id_bytes"])
        equal("peer id as text", base_58(peer_id), case["peer_id"])
    for case in file["no_peer_ids"]:
        data = raw(case["peer_id_bytes"])
        is_peer_id = len(data) == 38 and data.startswith(bytes.fromhex("002408011220"))
        equal(case["name"], is_peer_id, False)
    for case in file["small_order"]:
        equal("small order", ed25519.is_small_order(raw(case["key"])), case["refused"])
    for case in file["signatures"]:
        valid = ed25519.verify(raw(case["key"]), raw(case["message"]), raw(case["signature"]))
        equal(case["name"], valid, case["valid"])
    if "small_order_signatures" in file:
        small_order(file["small_order_signatures"])
    for case in file["possessions"]:
        fields, genesis = case["possession"], case["genesis_hash"]
        result = "Ok"
        if ed25519.is_small_order(raw(fields["key"])):
            result = "SmallOrder"
        elif not signed_by(
            "possession", genesis, scale.POSSESSION, fields, fields["key"], case["proof"]
        ):
            result = "InvalidPossession"
        equal(case["name"], result, case["result"])


def small_order(matrix):
    """All keys and all commitments of small order, with nothing as the response: valid, all of them."""
    valid = all(
        ed25519.verify(raw(key), raw(matrix["message"]), raw(commitment + matrix["response"]))
        for key in matrix["keys"]
        for commitment in matrix["commitments"]
    )
    equal("signatures of small order", valid, matrix["all_valid"])


def statements(file):
    for case in file:
        of = STATEMENTS[case["kind"]]
        body = of.write(case["fields"])
        equal("body", body.hex(), case["body"])
        equal("fields", scale.decode(of, body), case["fields"])
        message = message_of(case["kind"], case["genesis_hash"], body)
        equal("message", message.hex(), case["message"])
        equal("key", ed25519.public_key(raw(case["seed"])).hex(), case["key"])
        valid = ed25519.verify(raw(case["key"]), message, raw(case["signature"]))
        equal("valid", valid, case["valid"])
        # Whoever makes the same bytes makes the same signature.
        same = ed25519.sign(raw(case["seed"]), message).hex() == case["signature"]
        equal("signed again", same, case["valid"])


def envelope_verdict(data):
    if len(data) > wire.MAX_ENVELOPE:
        return "TooLong"
    try:
        fields = scale.decode(scale.SIGNED_ENVELOPE, data)["envelope"]
    except scale.Malformed:
        return "Malformed"
    if len(fields["payload"]) // 2 > MIB:
        return "PayloadTooLong"
    return "ZeroSequence" if fields["seq"] == "0" else "Ok"


def envelopes(file):
    for case in file["envelopes"]:
        data = round_trip(scale.SIGNED_ENVELOPE, case)
        message = message_of("envelope", case["genesis_hash"], data[:-64])
        equal("message", message.hex(), case["message"])
        equal("fingerprint", wire.hashed(data), case["fingerprint"])
        origin = raw(case["fields"]["envelope"]["origin"])
        equal("valid", ed25519.verify(origin, message, data[-64:]), case["valid"])
        equal("verdict", envelope_verdict(data), "Ok")
    for case in file["malformed"]:
        equal(case["name"], envelope_verdict(joined(case["bytes"])), case["result"])


def payloads(file):
    for case in file:
        data = joined(case["bytes"])
        try:
            content = wire.zstd_content(data)
        except wire.CompressedBlock:
            try:
                from compression import zstd
            except ImportError:
                continue
            content = zstd.decompress(data)
        stated = case["content"]
        if content is not None:
            content = {"length": len(content), "blake2b_256": wire.hashed(content)}
        equal(case["name"], content, stated)


def certificate_verdict(case):
    signatures = case["fields"]["signatures"]
    order = [entry["key"] for entry in signatures]
    if any(a >= b for a, b in zip(order, order[1:])):
        return "Unordered"
    if not set(order) <= set(case["voters"]):
        return "UnknownKey"
    if len(order) < 2 * len(case["voters"]) // 3 + 1:
        return "TooFew"
    vote, genesis = case["fields"]["vote"], case["genesis_hash"]
    valid = all(
        signed_by("checkpoint-vote", genesis, scale.VOTE, vote, e["key"], e["signature"])
        for e in signatures
    )
    return "Ok" if valid else "InvalidSignature"


def vote_is_signed(genesis, signed):
    return signed_by(
        "checkpoint-vote", genesis, scale.VOTE, signed["vote"], signed["key"], signed["signature"]
    )


def proof_verdict(chain, proof):
    first, second, genesis = proof["first"], proof["second"], proof["genesis_hash"]
    hashes = [vote["vote"]["block_hash"] for vote in (first, second)]
    owners = [chain["keys"].get(vote["key"]) for vote in (first, second)]
    checks = [
        ("OtherChain", lambda: genesis != chain["genesis_hash"]),
        ("SameBlock", lambda: hashes[0] == hashes[1]),
        ("NotCanonical", lambda: hashes[0] > hashes[1]),
        (
            "DifferentCheckpoints",
            lambda: first["vote"]["checkpoint"] != second["vote"]["checkpoint"],
        ),
        (
            "SmallOrderKey",
            lambda: any(ed25519.is_small_order(raw(v["key"])) for v in (first, second)),
        ),
        ("UnknownKey", lambda: None in owners),
        ("DifferentValidators", lambda: owners[0] != owners[1]),
        ("AlreadyPunished", lambda: owners[0] in chain["punished"]),
        (
            "Excused",
            lambda: int(first["vote"]["checkpoint"]) < int(chain["slashable_from"]),
        ),
        ("InvalidFirstSignature", lambda: not vote_is_signed(genesis, first)),
        ("InvalidSecondSignature", lambda: not vote_is_signed(genesis, second)),
    ]
    return next((reason for reason, applies in checks if applies()), "Ok")


def votes(file):
    for case in file["votes"]:
        round_trip(scale.SIGNED_VOTE, case)
        equal("valid", vote_is_signed(case["genesis_hash"], case["fields"]), case["valid"])
    for case in file["certificates"]:
        round_trip(scale.CERTIFICATE, case)
        equal(case["name"], certificate_verdict(case), case["result"])
    for case in file["proofs"]:
        data = round_trip(scale.PROOF, case)
        # Without the two signatures: what was signed, whatever the signatures' bytes.
        equal("id", wire.hashed(data[:32] + key_and_vote(data, 32) + key_and_vote(data, 168)), case["id"])
        equal(case["name"], proof_verdict(case["chain"], case["fields"]), case["result"])
    for case in file["turns"]:
        places = [blake2b(raw(case["subject"]) + raw(d), digest_size=32).digest() for d in case["directors"]]
        places = list(zip(places, case["directors"]))
        ranks = [sum(other < place for other in places) for place in places]
        equal("ranks", ranks, case["ranks"])


def key_and_vote(proof, at):
    """The key and then the vote of the signed vote that begins there."""
    return proof[at + 40 : at + 72] + proof[at : at + 40]


def authorization(file):
    kinds = [
        ("requests", "authorization-request", scale.SIGNED_REQUEST, scale.REQUEST, "request"),
        ("votes", "authorization-vote", scale.SIGNED_DIRECTOR_VOTE, scale.DIRECTOR_VOTE, "vote"),
    ]
    for name, kind, signed, of, field in kinds:
        for case in file[name]:
            round_trip(signed, case)
            fields = case["fields"]
            valid = signed_by(
                kind, case["genesis_hash"], of, fields[field], case["key"], fields["signature"]
            )
            equal(case["name"], valid, case["valid"])
    for case in file["first_nonces"]:
        nonce = min(int(case["block"]) * 65_536, 2**64 - 1)
        equal("nonce", str(nonce), case["nonce"])
    for case in file["thresholds"]:
        n = case["n"]
        equal(f"approvals of {n}", max(1, -(-2 * n // 3)), case["approvals_needed"])
        equal(f"quorum of {n}", 2 * n // 3 + 1, case["quorum"])


def control(file):
    for case in file["messages"]:
        equal("message", scale.decode(scale.CONTROL, raw(case["bytes"])), case["message"])
        equal("bytes", scale.CONTROL.write(case["message"]).hex(), case["bytes"])
    for case in file["malformed"]:
        try:
            scale.decode(scale.CONTROL, joined(case["bytes"]))
        except scale.Malformed:
            continue
        raise mutation.Wrong(f"{case['name']}: it is a message")
    for case in file["heartbeats"]:
        round_trip(scale.SIGNED_HEARTBEAT, case)
        heartbeat, signature = case["fields"]["heartbeat"], case["fields"]["signature"]
        valid = signed_by(
            "heartbeat",
            case["genesis_hash"],
            scale.HEARTBEAT,
            heartbeat,
            heartbeat["director"],
            signature,
        )
        equal(case["name"], valid, case["valid"])
    for case in file["vector_hashes"]:
        entries = sorted(case["entries"], key=lambda entry: entry["origin"])
        equal("order", entries, case["entries"])
        equal("hash", wire.hashed(b"".join(map(scale.ENTRY.write, entries))), case["hash"])


def frames(file):
    for case in file:
        stream = wire.Stream(case["bulk_sent"])
        error = stream.read(joined(case["stream"]))
        equal(case["name"], error, case["error"])
        equal("frames", stream.frames, case["frames"])
        equal("Bulk that came", stream.bulk_read, case["bulk_read"])
        equal("acknowledged", stream.acknowledged, case["bulk_acknowledged"])


def chain(file):
    for case in file["runtime_api"]:
        name = case["call"].removeprefix("DirectorApi_")
        equal("call", "DirectorApi_" + name, case["call"])
        arguments, answer = scale.CALLS[name]
        equal("arguments", arguments.write(case["arguments"]).hex(), case["argument_bytes"])
        round_trip(answer, case)
    for case in file["storage_keys"]:
        account = raw(case["account"])
        for pallet, item, name in (
            ("ValidatorRegistry", "Validators", "validators"),
            ("Balances", "Holds", "holds"),
        ):
            equal(name, trie.storage_key(pallet, item, account).hex(), case[name])
    for case in file["stake_proofs"]:
        nodes = [raw(node) for node in case["nodes"]]
        result, proven = trie.stake_proof(
            raw(case["state_root"]), raw(case["account"]), nodes, raw(case["hold_reason"])
        )
        equal(case["name"], result, case["result"])
        equal("proven", proven, case["proven"])


CHECKS = {
    "protocol.json": protocol,
    "keys.json": keys,
    "statements.json": statements,
    "envelopes.json": envelopes,
    "payloads.json": payloads,
    "votes.json": votes,
    "authorization.json": authorization,
    "control.json": control,
    "frames.json": frames,
    "chain.json": chain,
}


def complete(files):
    """What the files must have, beside that each case is right."""
    refused = sorted(c["key"] for c in files["keys.json"]["small_order"] if c["refused"])
    equal("encodings of small order", len(set(refused)), 14)
    matrix = files["keys.json"]["small_order_signatures"]
    equal("keys of small order", sorted(matrix["keys"]), refused)
    equal("commitments of small order", sorted(matrix["commitments"]), refused)
    messages = [case["message"] for case in files["control.json"]["messages"]]
    seen = {m if isinstance(m, str) else next(iter(m)) for m in messages}
    equal("messages", seen, {name for name, _ in scale.CONTROL.variants})
    kinds = {case["kind"] for case in files["statements.json"] if case["valid"]}
    equal("kinds of statements", kinds, set(STATEMENTS))
    reasons = {case["result"] for case in files["votes.json"]["proofs"]}
    equal("reasons", len(reasons), 12)
    errors = {case["error"] for case in files["frames.json"]} - {None}
    equal("errors of frames", len(errors), 6)
    calls = {case["call"].removeprefix("DirectorApi_") for case in files["chain.json"]["runtime_api"]}
    equal("calls", calls, set(scale.CALLS))
    proofs = {case["result"] for case in files["chain.json"]["stake_proofs"]}
    equal("stake proofs", proofs, {"Ok", "Invalid", "OtherValidator", "NotRegistered"})


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--mutate", action="store_true", help="change vectors and see it noticed")
    arguments.add_argument("--seed", type=int, default=time.time_ns(), help="of the changes")
    arguments = arguments.parse_args()
    files = {name: json.loads((HERE / name).read_text()) for name in CHECKS}
    name = "all"
    try:
        for name, check in CHECKS.items():
            check(files[name])
        complete(files)
    except Exception as error:
        sys.exit(f"{name}: {type(error).__name__}: {error}")
    print(f"{len(files)} files agree")
    if arguments.mutate:
        noticed, missed = mutation.mutate(files, CHECKS, arguments.seed)
        for name, case, path in missed:
            print(f"not noticed: {name}, {case}: {path}")
        print(f"{noticed} changes noticed, {len(missed)} not (seed {arguments.seed})")
        sys.exit(1 if missed or not noticed else 0)


if __name__ == "__main__":
    main()
