// Serves the dashboard's files with the answers of a director that serves a thousand validators; and does what directors do that
// stop, hang, are asked by too many, or come back.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

const KINDS = { "/": "text/html", "/dashboard.css": "text/css", "/dashboard.js": "text/javascript", "/favicon.svg": "image/svg+xml" };

// A small generator: the same each time.
function chance(seed) {
  let state = seed;
  return () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
}

const LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

function makers(random) {
  const account = () => `5${Array.from({ length: 47 }, () => LETTERS[Math.floor(random() * 58)]).join("")}`;
  const hex = (n) => Array.from({ length: n * 2 }, () => "0123456789abcdef"[Math.floor(random() * 16)]).join("");
  return { account, hex };
}

// Double signs: one of each kind, over and over.
function cases(number, items, { hex, now, random }) {
  const step = (name, state, at_ms = null, block = null, { amount = null, note = null } = {}) => ({ name, state, at_ms, block, amount, note });
  const proven = (ago) => step("proven", "done", now - ago);
  const first = (ago, block) => step("finalized", "done", now - ago, block, { note: "by another's report" });
  const kinds = [
    ["submitted", "authorized", null, [proven(90000), step("submitted", "now", now - 80000, 123428), step("finalized", "ahead"), step("slash", "ahead")]],
    ["superseded", "tombstoned", 123530, [proven(300000), first(280000, 123430), step("slash", "now", null, 123530)]],
    ["finalized", "tombstoned", 123430, [proven(900000), step("submitted", "done"), step("finalized", "done", now - 880000, 123330), step("slash", "done", null, 123430, { amount: "75000000000000" })]],
    ["obsolete: the chain says that it proves nothing punishable: Excused", "authorized", null,
      [proven(950000), step("given_up", "failed", now - 940000, null, { note: "the chain says that it proves nothing punishable: Excused" })]],
    ["superseded", "tombstoned", 123330, [proven(1900000), first(1880000, 123230), step("slash", "done", null, 123330, { amount: "125000000000000" })]],
    ["superseded", "authorized", 123320, [proven(1990000), first(1980000, 123220), step("cancelled", "done", null, 123270)]],
    ["superseded", "tombstoned", null, [proven(2990000), first(2980000), step("slash", "done")]],
    ["waiting: punished for another offence, which may be excused", "tombstoned", null,
      [proven(3000000), step("submitted", "now", null, null, { note: "punished for another offence, which may be excused" }), step("finalized", "ahead"), step("slash", "ahead")]],
  ];
  return Array.from({ length: number }, (_, n) => {
    const [state, validator_status, slash_from_block, steps] = kinds[n % kinds.length];
    return { id: `0x${hex(32)}`, validator: items[Math.floor(random() * items.length)].account, checkpoint: 12342 - n, state,
      detected_at_ms: steps[0].at_ms, changed_at_ms: now - 80000, submitted_block: state === "submitted" ? 123428 : null,
      finalized_block: state === "finalized" ? 123330 : null, attempts: 1, trouble: null, validator_status, slash_from_block, steps };
  });
}

// The windows of the history: points and what is between them.
const WINDOWS = { "5m": [300, 1000], "1h": [360, 10000], "24h": [720, 120000] };

function history(window, validators, { now, random }) {
  const [points, step_ms] = WINDOWS[window];
  const sample = (n) => {
    const wave = 1 + 0.25 * Math.sin(n / 17) + random() * 0.1;
    const out = 1 + 0.2 * Math.sin(n / 17 - 0.6) + random() * 0.1;
    return { t_ms: now - (points - 1 - n) * step_ms, ingress_per_s: 4200 * wave, deliveries_per_s: 640000 * out, in_bytes_per_s: 2.1e6 * wave, out_bytes_per_s: 2.4e8 * out,
      refused_per_s: 0, dropped: 0, queue_p50_ms: 0.6 * wave, queue_p99_ms: 4.1 * wave + (n % 60 === 0 ? 6 : 0), validators: validators / 5, mesh: 4, memory_bytes: 5.2e8, cpu_permille: Math.floor(320 * wave) };
  };
  return { window, step_ms, points: Array.from({ length: points }, (_, n) => sample(n)) };
}

const ALARMS = [
  ["critical", "store-failing", "the store cannot use its file (no space left on device); 1203 votes are in memory", "free space on the disk of data_dir, or repair it; no restart is needed, and one would lose those votes"],
  ["warning", "mesh-link-5abc", "director 5FHneW46 is not connected", "ask its operator; messages go by way of the others meanwhile, and nothing is lost"],
].map(([level, id, summary, remedy]) => ({ level, id, summary, remedy }));

// What the API answers, by paths; `double` signs and `waiting` candidates are as many as are asked for.
export function answers(validators, { well = true, double = 3, waiting = 2 } = {}) {
  const random = chance(7);
  const now = Date.now();
  const { account, hex } = makers(random);
  const directors = ["Frankfurt", "Singapore", "Virginia", "São Paulo", "Sydney"].map((region, n) => ({
    account: account(), peer: hex(32), this: n === 0, region, endpoints: ["/ip4/203.0.113.7/tcp/30400"],
    connected: well || n !== 3, heard_ms_ago: n ? 60 + n * 31 : 0, clock_ms: n ? 4 + n * 23 : 0, rtt_ms: n && (well || n !== 3) ? [0, 158.4, 88.7, 201.3, 274.9][n] : null,
    validators: Math.floor(validators / 5), capacity: Math.max(100, validators / 2), cpu_permille: 110 + n * 37,
    bandwidth_bytes_per_s: 9e7, finalized: 123456 - (n === 4 ? 1 : 0), lag_blocks: n === 4 ? 1 : 0, waiting_bytes: 0, stale: false }));
  const items = Array.from({ length: validators }, (_, n) => ({
    account: account(), peer: hex(32), status: n % 90 === 89 ? "candidate" : n % 400 === 399 ? "tombstoned" : "authorized",
    stake: `${1500 + n}000000000000`, connection: n % 5 === 0 ? "primary" : n % 5 === 1 ? "standby" : null, rtt_ms: n % 5 < 2 ? Math.round(10 + random() * 400) / 10 : null,
    waiting_bytes: n % 100 === 50 && (!well || validators > 1000) ? 3 << 20 : Math.floor(random() * 900), last_vote: n % 77 === 76 ? null : 12345, missed: n % 77 === 76 ? 7 : 0 }))
    .sort((a, b) => (a.account < b.account ? -1 : 1));
  const voters = items.filter((of) => of.status === "authorized").length;
  const needed = Math.floor((voters * 2) / 3) + 1;
  const checkpoint = (n) => ({
    checkpoint: 12345 - n, block: 123450 - n * 10, votes: n ? voters - (n % 3) : Math.floor(needed * 0.6), needed, voters,
    certified: n > 0, certified_after_ms: n ? 350 + n * 50 : null, begun_at_ms: now - n * 60000,
    blocks: n === 3 ? [{ hash: `0x${hex(32)}`, votes: voters - 1 }, { hash: `0x${hex(32)}`, votes: 1 }] : [{ hash: `0x${hex(32)}`, votes: n ? voters - (n % 3) : Math.floor(needed * 0.6) }] });
  const candidates = Array.from({ length: waiting }, (_, n) => items.filter((of) => of.status === "candidate")[n] ?? { account: account(), stake: "1" });
  return {
    status: { version: "0.1.0" },
    chain: { connected: true, trouble: null, genesis: `0x${hex(32)}`, finalized: { number: 123456, hash: `0x${hex(32)}` }, finalized_at_ms: now - 800, checkpoint: 12345, checkpoint_interval: 10, set_version: 12,
      directors: 5, directors_allowed: [3, 7], invited: [], validators: { candidate: items.filter((of) => of.status === "candidate").length, authorized: voters, revoked: 0, exiting: 0, tombstoned: items.filter((of) => of.status === "tombstoned").length },
      max_validators: 2000, min_stake: "1000000000000000", unbonding_period: 201600, slash_defer_period: 100 },
    mesh: { directors },
    validators: { total: validators, connected: items.filter((of) => of.connection).length, looked_at: 7, next: null, items },
    checkpoints: { interval: 10, items: Array.from({ length: 8 }, (_, n) => checkpoint(n)) },
    authorizations: { needed: 4, items: candidates.map((of, n) => ({ validator: of.account, stake: of.stake, approved_by: directors.slice(0, 2 + (n % 2)).map((of) => of.account), missing: directors.slice(2 + (n % 2)).map((of) => of.account) })) },
    evidence: { total: double, items: cases(double, items, { hex, now, random }) },
    alarms: well ? { level: "ok", items: [] } : { level: "critical", items: ALARMS },
    history: Object.fromEntries(Object.keys(WINDOWS).map((window) => [window, history(window, validators, { now, random })])),
  };
}

// What a second under load changes: something of each validator, and of every part.
export function change(data, second) {
  const random = chance(second + 1);
  const { chain, mesh, validators, checkpoints, authorizations, evidence, alarms } = data;
  chain.finalized.number += 1;
  chain.finalized_at_ms = Date.now();
  chain.checkpoint = Math.floor(chain.finalized.number / chain.checkpoint_interval);
  mesh.directors.forEach((of) => Object.assign(of, { cpu_permille: Math.floor(100 + random() * 300), heard_ms_ago: Math.floor(random() * 200), finalized: chain.finalized.number,
    validators: Math.floor((validators.total / 5) * (0.9 + random() * 0.1)), rtt_ms: of.rtt_ms == null ? null : Math.round(10 + random() * 4000) / 10 }));
  for (const of of validators.items) {
    of.waiting_bytes = random() < 0.01 ? 2e6 + Math.floor(random() * 2e6) : (of.waiting_bytes + 1 + Math.floor(random() * 800)) % 900;
    if (of.rtt_ms != null) of.rtt_ms = Math.round(10 + random() * 400) / 10;
    if (of.status !== "authorized") continue;
    of.missed = random() < 0.02 ? 1 + Math.floor(random() * 6) : 0;
    of.last_vote = chain.checkpoint - of.missed;
    if (of.connection) of.connection = random() < 0.02 ? "standby" : "primary";
  }
  checkpoints.items.forEach((of, n) => {
    Object.assign(of, { checkpoint: chain.checkpoint - n, block: (chain.checkpoint - n) * 10 });
    of.votes = n ? of.voters - Math.floor(random() * 5) : Math.floor(random() * of.needed);
    of.blocks = [{ ...of.blocks[0], votes: of.votes }];
  });
  authorizations.items.forEach((of) => { of.approved_by.push(of.missing.shift()); of.missing.push(of.approved_by.shift()); });
  evidence.items.forEach((of) => { of.attempts += 1; of.checkpoint = chain.checkpoint - 2; });
  Object.assign(alarms, second % 2 ? { level: "warning", items: ALARMS.slice(1) } : { level: "ok", items: [] });
  const { points } = data.history["5m"];
  points.push({ ...points.shift(), t_ms: Date.now() });
}

const TOLD = ["chain", "mesh", "validators", "checkpoints", "authorizations", "evidence", "alarms"];

// A director that answers so. `changes`: everything does, each second.
export class Fake {
  #files; #data; #changes; #server = null; #port = 0; #streams = new Set(); #held = []; #holds = false; #dozes = false; #full = false; #timer; #second = 0;
  // How often each path was asked for.
  asked = new Map();

  // What it answers.
  get data() { return this.#data; }

  static async start(files, data, { changes = false } = {}) {
    const fake = new Fake();
    fake.#files = files;
    fake.#data = data;
    fake.#changes = changes;
    await fake.open();
    fake.#timer = setInterval(() => fake.#tick(), 1000);
    return fake;
  }

  get url() { return `http://127.0.0.1:${this.#port}`; }

  // It runs, where it ran before.
  async open() {
    this.#server = createServer((request, answer) => this.#answer(request, answer));
    await new Promise((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = this.#server.address().port;
  }

  // It has stopped, and so have all connections.
  async close() {
    const ended = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#streams.clear();
    await ended;
  }

  async stop() { clearInterval(this.#timer); await this.close(); }

  // It hangs: connections stand, and nothing comes.
  hang() { this.#holds = true; }

  // It answers, and what it looks at stands still.
  doze() { this.#dozes = true; }

  wake() {
    [this.#holds, this.#dozes] = [false, false];
    for (const go of this.#held.splice(0)) go();
  }

  // As many listen as may.
  full(full) { this.#full = full; }

  // Whoever listens is cut off, as after ten minutes.
  drop() { for (const stream of this.#streams) stream.destroy(); }

  // One that reads slowly has missed some.
  lag() { for (const stream of this.#streams) stream.write("event: lagged\ndata: 7\n\n"); this.#tell(TOLD); }

  #tick() {
    this.#second += 1;
    if (this.#changes) change(this.#data, this.#second);
    if (this.#holds || this.#dozes) return;
    this.#tell(this.#changes ? TOLD : TOLD.slice(3));
    this.#write("sample", { ...this.#data.history["5m"].points.at(-1), t_ms: Date.now() });
  }

  #tell(names, streams = this.#streams) {
    const { total, connected } = this.#data.validators;
    for (const name of names) this.#write(name, name === "validators" ? { total, connected } : this.#data[name], streams);
  }

  #write(name, data, streams = this.#streams) { for (const stream of streams) stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`); }

  async #answer(request, answer) {
    const url = new URL(request.url, this.url);
    if (KINDS[url.pathname]) {
      answer.setHeader("content-type", KINDS[url.pathname]);
      return answer.end(await readFile(join(this.#files, url.pathname === "/" ? "index.html" : url.pathname)));
    }
    const name = url.pathname.replace("/api/v1/", "");
    this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
    if (this.#holds) await new Promise((resolve) => this.#held.push(resolve));
    if (name === "events") return this.#listen(answer);
    const data = this.#part(name, url.searchParams);
    if (!data) { answer.statusCode = 404; return answer.end(); }
    answer.setHeader("content-type", "application/json");
    answer.end(JSON.stringify(data));
  }

  #listen(answer) {
    if (this.#full) { answer.writeHead(503, { "retry-after": "60" }); return answer.end('{"error":"as many listen as may"}'); }
    answer.writeHead(200, { "content-type": "text/event-stream" });
    this.#tell(TOLD, [answer]);
    this.#streams.add(answer);
    answer.on("close", () => this.#streams.delete(answer));
  }

  #part(name, asked) {
    if (name === "history") return this.#data.history[asked.get("window") ?? "5m"];
    if (name !== "validators") return this.#data[name];
    const { items } = this.#data.validators;
    const begin = asked.has("after") ? 1 + items.findIndex((of) => of.account === asked.get("after")) : 0;
    const end = begin + Math.min(1000, asked.get("limit") ?? 100);
    return { ...this.#data.validators, items: items.slice(begin, end), next: end < items.length ? items[end - 1].account : null };
  }
}
