#!/usr/bin/env python3
"""A validator in Python, with nothing but the standard library.

It starts the sidecar that the rest of the command line names, talks with it over its standard input and
output, votes for every finalized checkpoint and prints the certificates:

    python3 validator.py director validator run --config validator.toml --pipe

With --certificates N before that it ends after N of them; with --sign-twice it also asks for another block at a
checkpoint that it voted for, and fails unless the sidecar refuses.
"""

import argparse
import json
import subprocess
import sys
import threading


class Sidecar:
    """The sidecar, as a child process: one JSON object a line in both directions."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.lock = threading.Lock()

    def send(self, command):
        """May be called from any thread; waits while the sidecar does not take more."""
        with self.lock:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()

    def events(self):
        """Everything that the sidecar says. Read it all the time: what does not fit its queue is dropped."""
        for line in self.process.stdout:
            yield json.loads(line)

    def close(self):
        """Ends the sidecar, which closes its connections first; its exit status."""
        self.process.stdin.close()
        # What it still says is read, so that it need not wait for us.
        for _ in self.process.stdout:
            pass
        return self.process.wait(timeout=30)


def other_than(block_hash):
    """A hash that is not this one."""
    first = "1" if block_hash[2] == "0" else "0"
    return "0x" + first + block_hash[3:]


def run(sidecar, certificates, sign_twice):
    """Votes until there are so many certificates; whether all went as it should."""
    authorized, certified, refused = False, 0, False
    for event in sidecar.events():
        kind = event["event"]
        if kind == "hello":
            print(f"validator {event['account']} on chain {event['genesis_hash']}", flush=True)
            # Others' votes are counted by the sidecar; we want to hear of nothing but blocks.
            sidecar.send({"do": "subscribe", "kinds": ["block-announcement"]})
        elif kind == "authorized":
            authorized = True
            print(f"authorized by director {event['director']}", flush=True)
        elif kind == "checkpoint" and authorized:
            # A real validator asks its own node for the hash here. No director need be connected now: the sidecar
            # keeps the vote until one is.
            sidecar.send(
                {
                    "do": "vote",
                    "id": event["checkpoint"],
                    "checkpoint": event["checkpoint"],
                    "block_hash": event["block_hash"],
                }
            )
        elif kind == "voted":
            print(f"voted for checkpoint {event['checkpoint']}", flush=True)
            if sign_twice and not refused:
                other = other_than(event["block_hash"])
                sidecar.send(
                    {"do": "vote", "id": "twice", "checkpoint": event["checkpoint"], "block_hash": other}
                )
        elif kind == "certificate":
            certified += 1
            print(f"certificate for checkpoint {event['checkpoint']}", flush=True)
        elif kind == "error" and event.get("id") == "twice":
            if event["code"] != "already-signed":
                print(f"unexpected: {event}", file=sys.stderr)
                return False
            refused = True
            print(f"refused: {event['message']}", flush=True)
        elif kind == "error":
            # A new protection file signs nothing for the first two checkpoints; the next one comes.
            print(f"error {event['code']}: {event['message']}; {event['remedy']}", flush=True)
        elif kind in ("gap", "withheld", "dropped"):
            print(f"{kind}: {event}", flush=True)
        if certificates and certified >= certificates and (refused or not sign_twice):
            return True
    return not certificates


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--certificates", type=int, default=0, help="end after so many; 0: never")
    parser.add_argument("--sign-twice", action="store_true", help="try it, and be refused")
    parser.add_argument("sidecar", nargs=argparse.REMAINDER, help="command that starts the sidecar")
    options = parser.parse_args()
    if not options.sidecar:
        parser.error("say how to start the sidecar: director validator run --config FILE --pipe")
    sidecar = Sidecar(options.sidecar)
    try:
        good = run(sidecar, options.certificates, options.sign_twice)
    except KeyboardInterrupt:
        good = True
    status = sidecar.close()
    print(f"sidecar ended with {status}", flush=True)
    return 0 if good and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
