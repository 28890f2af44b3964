// Serves the dashboard's files with the answers of a director that serves a thousand validators.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

const KINDS = { "/": "text/html", "/dashboard.css": "text/css", "/dashboard.js": "text/javascript", "/favicon.svg": "image/svg+xml" };

// A small generator: the same each time.
function chance(seed) {
  let state = seed;
  return () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
}

export function answers(validators, { well = true } = {}) {
  const random = chance(7);
  const letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  const account = () => `5${Array.from({ length: 47 }, () => letters[Math.floor(random() * 58)]).join("")}`;
  const hex = (n) => Array.from({ length: n * 2 }, () => "0123456789abcdef"[Math.floor(random() * 16)]).join("");
  const now = Date.now();
  const directors = ["Frankfurt", "Singapore", "Virginia", "São Paulo", "Sydney"].map((region, n) => ({
    account: account(), peer: hex(32), this: n === 0, region, endpoints: ["/ip4/203.0.113.7/tcp/30400"],
    connected: well || n !== 3, heard_ms_ago: n ? 60 + n * 31 : 0, clock_ms: n ? 4 + n * 23 : 0, rtt_ms: n && (well || n !== 3) ? [0, 158.4, 88.7, 201.3, 274.9][n] : null,
    validators: Math.floor(validators / 5), capacity: Math.max(100, validators / 2), cpu_permille: 110 + n * 37,
    bandwidth_bytes_per_s: 9e7, finalized: 123456 - (n === 4 ? 1 : 0), lag_blocks: n === 4 ? 1 : 0, waiting_bytes: 0, stale: false }));
  const items = Array.from({ length: validators }, (_, n) => ({
    account: account(), peer: hex(32), status: n % 90 === 89 ? "candidate" : n % 400 === 399 ? "tombstoned" : "authorized",
    stake: `${1500 + n}000000000000`, connection: n % 5 === 0 ? "primary" : n % 5 === 1 ? "standby" : null, rtt_ms: n % 5 < 2 ? Math.round(10 + random() * 400) / 10 : null,
    waiting_bytes: !well && n === 50 ? 3 << 20 : Math.floor(random() * 900), last_vote: n % 77 === 76 ? null : 12345, missed: n % 77 === 76 ? 7 : 0 }))
    .sort((a, b) => (a.account < b.account ? -1 : 1));
  const voters = items.filter((of) => of.status === "authorized").length;
  const needed = Math.floor((voters * 2) / 3) + 1;
  const checkpoint = (n) => ({
    checkpoint: 12345 - n, block: 123450 - n * 10, votes: n ? voters - (n % 3) : Math.floor(needed * 0.6), needed, voters,
    certified: n > 0, certified_after_ms: n ? 350 + n * 50 : null, begun_at_ms: now - n * 60000,
    blocks: n === 3 ? [{ hash: `0x${hex(32)}`, votes: voters - 2 }, { hash: `0x${hex(32)}`, votes: 1 }] : [{ hash: `0x${hex(32)}`, votes: n ? voters - (n % 3) : Math.floor(needed * 0.6) }] });
  const evidence = (state, steps, status) => ({
    id: `0x${hex(32)}`, validator: items[Math.floor(random() * items.length)].account, checkpoint: 12342, state, detected_at_ms: now - 90000,
    changed_at_ms: now - 80000, submitted_block: null, finalized_block: 123430, attempts: 1, trouble: null, validator_status: status, slash_from_block: 123530, steps });
  const step = (name, state, at_ms = null, block = null, amount = null) => ({ name, state, at_ms, block, amount });
  const alarm = (level, id, summary, remedy) => ({ level, id, summary, remedy });
  const sample = (n) => {
    const wave = 1 + 0.25 * Math.sin(n / 17) + random() * 0.1;
    return { t_ms: now - (299 - n) * 1000, ingress_per_s: 4200 * wave, deliveries_per_s: 840000 * wave, in_bytes_per_s: 2.1e6 * wave, out_bytes_per_s: 2.4e8 * wave,
      refused_per_s: 0, dropped: 0, queue_p50_ms: 0.6 * wave, queue_p99_ms: 4.1 * wave + (n % 60 === 0 ? 6 : 0), validators: validators / 5, mesh: 4, memory_bytes: 5.2e8, cpu_permille: Math.floor(320 * wave) };
  };
  return {
    status: { version: "0.1.0" },
    chain: { connected: true, trouble: null, genesis: `0x${hex(32)}`, finalized: { number: 123456, hash: `0x${hex(32)}` }, finalized_at_ms: now - 800, checkpoint: 12345, checkpoint_interval: 10, set_version: 12,
      directors: 5, directors_allowed: [3, 7], invited: [], validators: { candidate: items.filter((of) => of.status === "candidate").length, authorized: voters, revoked: 0, exiting: 0, tombstoned: items.filter((of) => of.status === "tombstoned").length },
      max_validators: 2000, min_stake: "1000000000000000", unbonding_period: 201600, slash_defer_period: 100 },
    mesh: { directors },
    validators: { total: validators, connected: items.filter((of) => of.connection).length, looked_at: 7, next: null, items },
    checkpoints: { interval: 10, items: Array.from({ length: 8 }, (_, n) => checkpoint(n)) },
    authorizations: { needed: 4, items: items.filter((of) => of.status === "candidate").slice(0, 2).map((of, n) => ({ validator: of.account, stake: of.stake, approved_by: directors.slice(0, 2 + n).map((of) => of.account), missing: directors.slice(2 + n).map((of) => of.account) })) },
    evidence: { items: [
      evidence("submitted", [step("proven", "done", now - 90000), step("submitted", "now", now - 80000, 123428), step("finalized", "ahead"), step("slash", "ahead")], "authorized"),
      evidence("finalized", [step("proven", "done", now - 900000), step("submitted", "done"), step("finalized", "done", now - 880000, 123330), step("slash", "done", null, 123430, "75000000000000")], "tombstoned")] },
    alarms: well ? { level: "ok", items: [] } : { level: "critical", items: [
      alarm("critical", "store-failing", "the store cannot use its file (no space left on device); 1203 votes are in memory", "free space on the disk of data_dir, or repair it; no restart is needed, and one would lose those votes"),
      alarm("warning", "mesh-link-5abc", "director 5FHneW46 is not connected", "ask its operator; messages go by way of the others meanwhile, and nothing is lost")] },
    history: { window: "5m", step_ms: 1000, points: Array.from({ length: 300 }, (_, n) => sample(n)) },
  };
}

// Serves until it is closed; each second everything changes, as a director under load tells it.
export async function serve(files, data) {
  const server = createServer(async (request, answer) => {
    const url = new URL(request.url, "http://localhost");
    if (KINDS[url.pathname]) {
      answer.setHeader("content-type", KINDS[url.pathname]);
      return answer.end(await readFile(join(files, url.pathname === "/" ? "index.html" : url.pathname)));
    }
    const name = url.pathname.replace("/api/v1/", "");
    if (name === "events") {
      answer.writeHead(200, { "content-type": "text/event-stream" });
      const tell = (names) => names.forEach((of) => answer.write(`event: ${of}\ndata: ${JSON.stringify(data[of])}\n\n`));
      tell(["chain", "mesh", "validators", "checkpoints", "authorizations", "evidence", "alarms"]);
      const timer = setInterval(() => {
        tell(["mesh", "checkpoints", "evidence", "authorizations", "alarms"]);
        answer.write(`event: sample\ndata: ${JSON.stringify({ ...data.history.points.at(-1), t_ms: Date.now() })}\n\n`);
      }, 1000);
      return request.on("close", () => clearInterval(timer));
    }
    if (!data[name]) { answer.statusCode = 404; return answer.end(); }
    answer.setHeader("content-type", "application/json");
    answer.end(JSON.stringify(data[name]));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } };
}
