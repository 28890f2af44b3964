#!/usr/bin/env node
// A validator in JavaScript, for Node.js 20 and newer, without packages.
//
// It starts the sidecar that the rest of the command line names, talks with it over its standard input and
// output, publishes a message of its own at every finalized checkpoint, votes for it, and prints what it hears:
//
//     node validator.mjs director validator run --config validator.toml --pipe
//
// With --certificates N before that it ends after N of them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

class Sidecar {
  constructor([program, ...args]) {
    this.process = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.ended = once(this.process, "exit");
    this.lines = createInterface({ input: this.process.stdout, crlfDelay: Infinity });
  }

  // Resolves when the sidecar has taken it: whoever publishes much waits for that.
  async send(command) {
    if (!this.process.stdin.write(JSON.stringify(command) + "\n")) {
      await once(this.process.stdin, "drain");
    }
  }

  async *events() {
    for await (const line of this.lines) yield JSON.parse(line);
  }

  async close() {
    this.process.stdin.end();
    this.process.stdout.resume();
    const [code] = await this.ended;
    return code;
  }
}

function options(argv) {
  const args = argv.slice(2);
  let certificates = 0;
  while (args[0]?.startsWith("--")) {
    if (args[0] !== "--certificates") throw new Error(`unknown option ${args[0]}`);
    certificates = Number(args[1]);
    args.splice(0, 2);
  }
  if (args.length === 0) {
    throw new Error("say how to start the sidecar: director validator run --config FILE --pipe");
  }
  return { certificates, command: args };
}

async function run(sidecar, certificates) {
  let authorized = false;
  let certified = 0;
  const handle = {
    hello: async (event) => {
      console.log(`validator ${event.account} on chain ${event.genesis_hash}`);
      await sidecar.send({ do: "subscribe", topics: ["greeting"], payload: "base64" });
    },
    authorized: async (event) => {
      authorized = true;
      console.log(`authorized by director ${event.director}`);
    },
    checkpoint: async ({ checkpoint, block_hash }) => {
      if (!authorized) return;
      // No director need be connected now: the sidecar keeps both until one is.
      await sidecar.send({ do: "vote", id: checkpoint, checkpoint, block_hash });
      await sidecar.send({
        do: "publish",
        id: `greeting-${checkpoint}`,
        kind: "opaque",
        topic: "greeting",
        priority: "normal",
        payload_base64: Buffer.from(`hello at ${checkpoint}`).toString("base64"),
      });
    },
    published: async (event) => console.log(`published ${event.class} ${event.seq}`),
    voted: async (event) => console.log(`voted for checkpoint ${event.checkpoint}`),
    message: async (event) => {
      const what = event.vote ? `vote for ${event.vote.checkpoint}` : event.kind;
      console.log(`message: ${what} of ${event.validator}`);
    },
    certificate: async (event) => {
      certified += 1;
      console.log(`certificate for checkpoint ${event.checkpoint}`);
    },
    error: async (event) => console.log(`error ${event.code}: ${event.message}; ${event.remedy}`),
  };
  for await (const event of sidecar.events()) {
    await handle[event.event]?.(event);
    if (certificates > 0 && certified >= certificates) return true;
  }
  return certificates === 0;
}

const { certificates, command } = options(process.argv);
const sidecar = new Sidecar(command);
process.once("SIGINT", () => sidecar.process.stdin.end());
const good = await run(sidecar, certificates);
const status = await sidecar.close();
console.log(`sidecar ended with ${status}`);
process.exitCode = good && status === 0 ? 0 : 1;
