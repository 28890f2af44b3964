"""Changes vectors and sees whether their check notices."""

import random

import scale

# Of each case so many are tried.
CHANGES = 3
# Nobody minds whether it is another thing that says nothing.
PING = "0500000000"


class Wrong(Exception):
    """A vector that is not as the protocol says."""


def leaves(value, path=()):
    """The way to each thing that is no list and no object."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, (dict, list)):
            yield from leaves(item, path + (key,))
        else:
            yield path + (key,)


VERDICTS = ("valid", "result", "error", "refused")


def must_be_noticed(case, path):
    """Whether a change there makes the case wrong. Not if it is one of nothing into another nothing: what
    proves nothing may be changed into something else that proves nothing."""
    if path[0] in VERDICTS:
        return True
    # Nobody minds what else could have been acknowledged.
    if path[0] == "bulk_sent":
        return False
    # For people; what decides between good ones and others; what a case of nothing consists of.
    if path[0] in ("name", "voters", "chain", "subject", "directors", "block"):
        return False
    if path[0] in ("bytes", "stream", "peer_id_bytes") and not ("fields" in case or "message" in case):
        return "peer_id" in case or bool(case.get("frames")) and not case["error"]
    # A name has its beginning alone.
    if path[0] == "stream_protocols" and path[-1] == "genesis_hash":
        return False
    # Of no directors and of one it takes the same.
    if path == ("n",) and case["n"] == 0:
        return False
    if case.get("name") in ("all zero", "as the client compresses"):
        return False
    is_good = case.get("valid", True) and case.get("refused", True)
    return is_good and case.get("result", "Ok") == "Ok"


def changed(value, rng):
    """Another value: of a text one character."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if not value:
        return "Ok"
    if all(c in "0123456789abcdef" for c in value):
        at = rng.randrange(len(value))
        digits = "0123456789" if value.isdecimal() and len(value) < 24 else "0123456789abcdef"
        return value[:at] + rng.choice(digits.replace(value[at], "")) + value[at + 1 :]
    return value + "x"


def cases_of(file):
    """Each case, and the file with that one alone: no other one shall notice what it does not."""
    if "context" in file:
        yield file, file
    elif isinstance(file, list):
        for case in file:
            yield case, [case]
    else:
        lists = {name: cases for name, cases in file.items() if isinstance(cases, list)}
        for name, cases in lists.items():
            for case in cases:
                yield case, {**dict.fromkeys(lists, []), name: [case]}


def mutate(files, checks, seed):
    """Changes one thing here and there; how many changes were noticed, and which were not."""
    rng, noticed, missed = random.Random(seed), 0, []
    faults = (Wrong, scale.Malformed, AssertionError, ValueError, KeyError, OverflowError)
    for name, check in checks.items():
        for case, alone in cases_of(files[name]):
            # Else anything would be noticed.
            check(alone)
            paths = [path for path in leaves(case) if must_be_noticed(case, path)]
            for path in rng.sample(paths, min(CHANGES, len(paths))):
                before = at(case, path[:-1])[path[-1]]
                if before == PING or isinstance(before, int) and path[0] == "stream":
                    continue
                at(case, path[:-1])[path[-1]] = changed(before, rng)
                try:
                    check(alone)
                    missed.append((name, case.get("name"), path))
                except faults:
                    noticed += 1
                at(case, path[:-1])[path[-1]] = before
    return noticed, missed


def at(value, path):
    for key in path:
        value = value[key]
    return value
