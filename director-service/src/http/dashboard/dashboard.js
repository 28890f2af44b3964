// Shows what /api/v1 says: every part once, then what changes, as the director tells it (server-sent events).
// Whatever comes from outside becomes text, never markup.
"use strict";

const $ = (selector) => document.querySelector(selector);
const state = { validators: [], lookedAt: 0, history: [], window: "5m", page: 0, whole: false };
const ROWS = 20;

// Numbers and names.

const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const brief = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const number = (value) => (value >= 100000 ? brief : count).format(value);
const short = (text, begin = 6, end = 4) =>
  text && text.length > begin + end + 1 && !state.whole ? `${text.slice(0, begin)}…${text.slice(-end)}` : text ?? "–";

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (value >= 1024 && unit < 3) { value /= 1024; unit += 1; }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

function duration(ms) {
  if (ms == null) return "–";
  if (ms < 10) return `${+ms.toFixed(2)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 7200000) return `${Math.round(ms / 60000)} min`;
  return `${Math.round(ms / 3600000)} h`;
}

const rtt = (of) => (of.rtt_ms == null ? null : duration(of.rtt_ms));

// A director looks every 50 ms.
const took = (ms) => (ms === 0 ? "< 50 ms" : duration(ms));

const clock = (ms) => (ms == null ? "" : new Date(ms).toLocaleTimeString([], { hour12: false }));

// Amounts do not fit into a double; three digits and their size are enough to look at, until somebody wants all of them.
function amount(text) {
  if (state.whole) return count.format(BigInt(text));
  if (text.length <= 6) return count.format(+text);
  return `${text[0]}.${text.slice(1, 3)} × 10${[...String(text.length - 1)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
}

// Elements.

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value == null) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

function draw(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text != null) element.textContent = text;
  return element;
}

function say(key, value, raw) {
  for (const element of document.querySelectorAll(`[data-k="${key}"]`)) {
    if (element.textContent !== String(value)) element.textContent = value;
    if (raw !== undefined) element.dataset.value = raw;
  }
}

// A figure with a small unit behind it.
function figure(key, value, unit, raw) {
  const element = $(`[data-k="${key}"]`);
  element.replaceChildren(value, unit ? make("small", {}, ` ${unit}`) : "");
  element.dataset.value = raw ?? value;
}

const account = (id) => make("span", { class: "mono", title: id }, short(id));
const tag = (text, kind = "") => make("span", { class: `tag ${kind}` }, text);
const cell = (content, kind) => make("td", kind ? { class: kind } : {}, content ?? "–");
const rows = (table, list) => $(`${table} tbody`).replaceChildren(...list);
// Nothing is cut without a word.
const cut = (shown, all) => (shown < all ? `${shown} of ${count.format(all)}` : all ? count.format(all) : "");
const more = (path, shown, all) => (shown < all ? [make("p", { class: "sub more" }, `${count.format(all - shown)} more: `, make("a", { href: `/api/v1/${path}` }, `/api/v1/${path}`))] : []);
const none = (columns, text) => make("tr", {}, make("td", { colspan: columns, class: "empty" }, text));

// The verdict.

const SIGNS = { ok: "M7 12.5l3.4 3.4L17 9", warning: "M12 6.5v7M12 17v.1", critical: "M8 8l8 8M16 8l-8 8" };

// Says it once: what is said anew is read out anew.
function verdict(level, title, text) {
  const section = $("#verdict");
  section.dataset.level = level;
  section.querySelector("path").setAttribute("d", SIGNS[level] ?? "");
  if ($("#verdict-title").textContent !== title) $("#verdict-title").textContent = title;
  $("#verdict-text").textContent = text;
}

function showVerdict() {
  const { alarms, chain, mesh } = state;
  showTitle();
  if (link.lost) return showLost();
  if (!alarms) return verdict("unknown", "Connecting", "Asking the director how it is.");
  const critical = alarms.items.filter((of) => of.level === "critical").length;
  const warnings = alarms.items.length - critical;
  const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const title = alarms.level === "ok" ? "All is well"
    : critical ? `${critical} critical${warnings ? ` and ${plural(warnings, "warning")}` : ""}`
    : plural(warnings, "warning");
  const linked = mesh?.directors.filter((of) => of.connected).length ?? 0;
  verdict(alarms.level, title, alarms.items[0]?.summary ?? (chain?.finalized
    ? `${linked} of ${mesh?.directors.length ?? 0} directors are connected, ${chain.validators.authorized} validators may vote, and block ${count.format(chain.finalized.number)} is finalized.`
    : "Waiting for the chain."));
}

function showLost() {
  verdict("critical", `No answer since ${clock(link.heard)}`,
    `Nothing has come for ${duration(silence())}, and what is below is of then. The director has stopped or hangs (look at its process and its log), or the way to it is cut (a tunnel, this machine's network).`);
}

// In a tab that nobody looks at, too.
function showTitle() {
  const { alarms } = state;
  document.title = link.lost ? "(!) Director" : alarms?.items.length ? `(${alarms.items.length}) Director` : "Director";
}

function showAlarms() {
  const { items } = state.alarms;
  $("#alarms").hidden = items.length === 0;
  $("#alarms ul").replaceChildren(...items.map((of) =>
    make("li", { "data-level": of.level, "data-id": of.id }, make("b", {}, of.summary), make("span", {}, of.remedy))));
  showVerdict();
}

// Figures.

function showChain() {
  const { chain } = state;
  const { finalized, validators } = chain;
  figure("finalized", finalized ? count.format(finalized.number) : "–", "", finalized?.number);
  showAge();
  const fact = (name, value, title) => [make("dt", {}, name), make("dd", { title }, value)];
  $("#chain").replaceChildren(
    ...fact("Node", chain.connected ? tag("answers", "ok") : tag(chain.trouble ?? "connecting", "bad")),
    ...fact("Finalized", finalized ? make("span", { class: "mono", title: finalized.hash }, short(finalized.hash, 10, 6)) : "–"),
    ...fact("Genesis", chain.genesis ? make("span", { class: "mono", title: chain.genesis }, short(chain.genesis, 10, 6)) : "–"),
    ...fact("Checkpoint", `${count.format(chain.checkpoint)}, every ${chain.checkpoint_interval} blocks`),
    ...fact("Directors", `${chain.directors} of ${chain.directors_allowed.join(" to ")}, set ${chain.set_version}${chain.invited.length ? `, ${chain.invited.length} invited` : ""}`),
    ...fact("Validators", Object.entries(validators).filter(([, n]) => n).map(([name, n]) => `${n} ${name}`).join(", ") || "none"),
    ...fact("Least stake", amount(chain.min_stake), chain.min_stake),
    ...fact("Slash can be cancelled for", `${count.format(chain.slash_defer_period)} blocks`),
    ...fact("Stake is slashable for", `${count.format(chain.unbonding_period)} blocks`));
  showVerdict();
}

function showAge() {
  const at = state.chain?.finalized_at_ms;
  say("finalized-note", at ? `${duration(Math.max(0, Date.now() - at))} ago` : "no block yet");
}

function showMesh() {
  const { directors } = state.mesh;
  const us = directors.find((of) => of.this);
  const linked = directors.filter((of) => of.connected).length;
  figure("directors", `${linked}`, `of ${directors.length}`, linked);
  const behind = Math.max(0, ...directors.map((of) => of.lag_blocks ?? 0));
  say("directors-note", linked < directors.length ? "a link is down" : behind > 1 ? `one is ${behind} blocks behind` : "all connected");
  if (us) { say("account", short(us.account, 8, 6)); $('[data-k="account"]').title = us.account; }
  rows("#mesh", directors.length ? directors.map((of) => make("tr", { "data-account": of.account },
    cell(make("span", {}, account(of.account), of.region ? make("span", { class: "muted" }, ` ${of.region}`) : "", of.this ? " " : "", of.this ? tag("this one") : "")),
    cell(of.this ? "" : of.connected ? tag("connected", "ok") : tag("down", "bad")),
    cell(of.validators == null ? null : `${of.validators} of ${of.capacity}`, "n"),
    cell(of.cpu_permille == null ? null : `${(of.cpu_permille / 10).toFixed(0)} %`, "n"),
    cell(of.lag_blocks, "n"),
    cell(of.this ? "" : of.heard_ms_ago == null ? "never" : duration(of.heard_ms_ago), "n"),
    cell(of.this ? "" : rtt(of), "n")))
    : [none(7, "No director is known yet.")]);
  schedule("picture", showPicture);
  showVerdict();
}

function showSample() {
  const newest = state.history.at(-1);
  if (!newest) return;
  figure("ingress", number(newest.ingress_per_s), "/s");
  say("ingress-note", `${number(newest.deliveries_per_s)} delivered/s`);
  say("load-note", `${bytes(newest.out_bytes_per_s)}/s out, load ${(newest.cpu_permille / 10).toFixed(0)} %, ${bytes(newest.memory_bytes)}`);
  figure("queue", duration(newest.queue_p99_ms ?? state.history.findLast((of) => of.queue_p99_ms != null)?.queue_p99_ms), "", newest.queue_p99_ms);
  say("queue-note", newest.dropped ? `${count.format(newest.dropped)} frames lost` : "critical messages");
  showAge();
}

function showCheckpoints() {
  const { items, interval } = state.checkpoints;
  const last = items.find((of) => of.certified);
  figure("certificate", last ? took(last.certified_after_ms) : "–", "", last?.checkpoint);
  say("certificate-note", last ? `checkpoint ${count.format(last.checkpoint)}` : "none yet");
  say("checkpoint-note", interval ? `every ${interval} blocks` : "");
  rows("#checkpoints", items.length ? items.map((of) => {
    const most = of.blocks[0]?.votes ?? 0;
    const bar = make("span", { class: `bar${of.certified ? " done" : ""}`, "aria-hidden": "true" }, make("i"), make("u"));
    bar.style.setProperty("--v", `${Math.min(100, (100 * most) / Math.max(1, of.voters))}%`);
    bar.style.setProperty("--at", `${Math.min(100, (100 * of.needed) / Math.max(1, of.voters))}%`);
    return make("tr", { "data-checkpoint": of.checkpoint, "data-votes": of.votes },
      cell(make("span", { title: `block ${of.block}` }, count.format(of.checkpoint))),
      cell(make("span", {}, bar, `${of.votes} of ${of.voters}`, of.blocks.length > 1 ? " " : "", of.blocks.length > 1 ? tag(`${of.blocks.length} blocks`, "warn") : "")),
      cell(of.certified ? tag("complete", "ok") : tag(`needs ${of.needed}`)),
      cell(took(of.certified_after_ms), "n"));
  }) : [none(4, "No votes yet.")]);
}

function showAuthorizations() {
  const { items, needed } = state.authorizations;
  const shown = items.slice(0, ROWS);
  say("auth-note", items.length ? `${cut(shown.length, items.length)} waiting, each needs ${needed} approvals` : "");
  $("#authorizations").replaceChildren(...(items.length ? shown.map((of) =>
    make("div", { class: "case", "data-validator": of.validator },
      make("div", { class: "top" }, account(of.validator), tag(`${of.approved_by.length} of ${needed}`, of.approved_by.length >= needed ? "ok" : "")),
      make("p", { class: "sub" }, "Approved by ", ...(of.approved_by.length ? of.approved_by.flatMap((id, n) => [n ? ", " : "", account(id)]) : ["nobody yet"]),
        of.missing.length ? "; not yet by " : "", ...of.missing.flatMap((id, n) => [n ? ", " : "", account(id)]))))
    : [make("p", { class: "empty" }, "No candidate waits.")]), ...more("authorizations", shown.length, items.length));
}

const STEPS = { proven: "Two votes proven", submitted: "Report submitted", finalized: "In the chain", cancelled: "Slash cancelled", given_up: "Given up" };
const SLASH = { ahead: "Slash", now: "Slash due", done: "Slashed" };
const STATES = { done: "done", now: "under way", ahead: "to come", failed: "failed" };

function step(at) {
  const block = at.block && `block ${count.format(at.block)}`;
  const when = [at.at_ms && clock(at.at_ms), at.amount && amount(at.amount)];
  const about = at.name === "slash" && !at.amount
    ? [block && `from ${block}`, { now: "can still be cancelled", done: "nobody here saw how much" }[at.state]]
    : [block];
  return make("li", { class: at.state, title: at.amount }, at.name === "slash" ? SLASH[at.state] : STEPS[at.name] ?? at.name,
    make("span", { class: "hide" }, ` (${STATES[at.state] ?? at.state})`),
    make("small", {}, [...when, ...about].filter(Boolean).join(", ") || " ", at.note ? make("span", {}, ` ${at.note}`) : ""));
}

function showEvidence() {
  const { items, total } = state.evidence;
  const shown = items.slice(0, ROWS);
  say("evidence-note", cut(shown.length, total));
  $("#evidence").replaceChildren(...(items.length ? shown.map((of) =>
    make("div", { class: "case", "data-id": of.id },
      make("div", { class: "top" },
        make("span", {}, of.validator ? account(of.validator) : "a validator", make("span", { class: "muted" }, ` at checkpoint ${count.format(of.checkpoint)}`)),
        of.steps.some((at) => at.state === "failed") ? tag("given up", "warn") : tag(of.validator_status ?? of.state, of.validator_status === "tombstoned" ? "bad" : "")),
      make("ol", { class: "steps" }, ...of.steps.map(step)),
      of.trouble ? make("p", { class: "sub" }, of.trouble) : null))
    : [make("p", { class: "empty" }, "Nobody has signed two blocks for one checkpoint.")]), ...more("evidence", shown.length, total));
}

// Validators.

const isSlow = (of) => of.waiting_bytes > 1048576;
const isSilent = (of) => of.status === "authorized" && of.missed > 0;
const ONLY = { here: (of) => of.connection, missed: isSilent, slow: isSlow, other: (of) => of.status !== "authorized" };

async function loadValidators() {
  const all = [];
  let after = "";
  do {
    const got = await ask(`validators?limit=1000${after && `&after=${encodeURIComponent(after)}`}`);
    all.push(...got.items);
    state.lookedAt = got.looked_at;
    after = got.next;
  } while (after);
  state.validators = all;
  schedule("validators", showValidators);
}

function showValidators() {
  const { validators } = state;
  const here = validators.filter((of) => of.connection);
  const standby = here.filter((of) => of.connection === "standby").length;
  figure("validators", number(here.length - standby), `of ${number(validators.length)}`, here.length - standby);
  say("validators-note", standby ? `and ${number(standby)} stand by` : "none stands by");
  const wanted = $("#find").value.trim().toLowerCase();
  const only = ONLY[$("#only").value] ?? (() => true);
  const found = validators.filter((of) => only(of) && (!wanted || of.account.toLowerCase().includes(wanted) || of.peer.startsWith(wanted)));
  const pages = Math.max(1, Math.ceil(found.length / ROWS));
  state.page = Math.min(state.page, pages - 1);
  const shown = found.slice(state.page * ROWS, (state.page + 1) * ROWS);
  const kinds = { authorized: "ok", tombstoned: "bad", revoked: "bad", candidate: "warn" };
  rows("#validators", shown.length ? shown.map((of) => make("tr", { "data-account": of.account },
    cell(account(of.account)),
    cell(tag(of.status, kinds[of.status])),
    cell(of.connection ?? make("span", { class: "muted" }, "elsewhere")),
    cell(of.connection ? rtt(of) : null, "n"),
    cell(of.last_vote == null ? null : count.format(of.last_vote), "n"),
    cell(state.lookedAt && of.status === "authorized" ? `${of.missed} of ${state.lookedAt}` : null, "n"),
    cell(of.connection ? bytes(of.waiting_bytes) : null, "n"),
    cell(make("span", { title: of.stake }, amount(of.stake)), "n")))
    : [none(8, validators.length ? "None is like that." : "No validator is registered yet.")]);
  say("page", `${found.length ? state.page * ROWS + 1 : 0}–${state.page * ROWS + shown.length} of ${count.format(found.length)}`);
  $("#prev").disabled = state.page === 0;
  $("#next").disabled = state.page >= pages - 1;
  schedule("picture", showPicture);
}

// The picture: directors on a circle, each with its validators behind it.

let spots = [];

function showPicture() {
  const canvas = $("#net");
  const { directors } = state.mesh ?? { directors: [] };
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const ink = getComputedStyle(document.documentElement);
  const palette = new Map();
  const color = (name) => {
    if (!palette.has(name)) palette.set(name, ink.getPropertyValue(`--${name}`).trim());
    return palette.get(name);
  };
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  spots = [];
  const places = place(directors, width, height);
  for (const [n, from] of places.entries()) {
    for (const to of places.slice(n + 1)) {
      const known = from.of.this || to.of.this;
      const other = from.of.this ? to.of : from.of;
      c.beginPath();
      c.moveTo(from.x, from.y);
      c.lineTo(to.x, to.y);
      c.setLineDash(known && other.connected ? [] : [3, 5]);
      c.lineWidth = known ? 2 : 1;
      c.strokeStyle = color(known ? (other.connected ? "ok" : "bad") : "line");
      c.stroke();
    }
  }
  c.setLineDash([]);
  const us = places.find((at) => at.of.this);
  if (us && width > 420) for (const to of places) roundTrip(c, us, to, color);
  const here = state.validators.filter((of) => of.connection);
  for (const at of places) {
    if (at.of.this) validatorsOf(c, at, here, color);
    else validatorsOf(c, at, Array(Math.min(1000, at.of.validators ?? 0)).fill(null), color);
  }
  for (const at of places) director(c, at, color);
  const silent = here.filter(isSilent).length;
  canvas.setAttribute("aria-label",
    `${directors.filter((of) => of.connected).length} of ${directors.length} directors are connected to each other as this one sees it; ${here.length} validators are connected here, ${silent} of them missed votes. The tables below have all of it.`);
}

function place(directors, width, height) {
  const middle = { x: width / 2, y: height / 2 };
  const room = Math.min(width * 0.8, height * 1.5);
  const [rx, ry] = directors.length === 1 ? [0, 0] : [room * 0.2, height * 0.17];
  return directors.map((of, n) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * n) / directors.length;
    return { of, angle, x: middle.x + rx * Math.cos(angle), y: middle.y + ry * Math.sin(angle), share: directors.length, width, height };
  });
}

// How long a message takes on one of our own links, beside the link's middle.
function roundTrip(c, from, to, color) {
  if (to.of.this || !to.of.connected || to.of.rtt_ms == null) return;
  const text = rtt(to.of);
  const [x, y] = [from.x + (to.x - from.x) * 0.55, from.y + (to.y - from.y) * 0.55];
  c.font = "11px system-ui, sans-serif";
  c.textAlign = "center";
  c.textBaseline = "middle";
  // A halo: the link goes on behind it.
  c.lineWidth = 4;
  c.lineJoin = "round";
  c.strokeStyle = color("card");
  c.strokeText(text, x, y + 0.5);
  c.fillStyle = color("ink");
  c.fillText(text, x, y + 0.5);
}

// Rows of dots on arcs away from the middle, as close as they must be to have room.
function validatorsOf(c, at, list, color) {
  const spread = at.share === 1 ? 2 * Math.PI : Math.min(2.6, (2 * Math.PI) / at.share * 0.86);
  const reach = Math.max(70, Math.min(at.width, at.height) * 0.29);
  const first = 34;
  let gap = 15;
  const places = (gap) => {
    let all = 0;
    for (let r = first; r <= reach; r += gap) all += Math.max(1, Math.floor((r * spread) / gap));
    return all;
  };
  while (gap > 3.2 && places(gap) < list.length) gap -= 0.4;
  const size = Math.max(1.3, Math.min(4.5, gap * 0.32));
  let n = 0;
  for (let r = first; n < list.length && r <= reach + 3 * gap; r += gap) {
    const most = Math.max(1, Math.floor((r * spread) / gap));
    const here = Math.min(most, list.length - n);
    for (let k = 0; k < here; k += 1, n += 1) {
      const angle = at.angle + (here === 1 ? 0 : (k / (here - 1) - 0.5) * spread * Math.min(1, (here * gap) / (r * spread)));
      dot(c, at.x + r * Math.cos(angle), at.y + r * Math.sin(angle), size, list[n], color);
    }
  }
}

function dot(c, x, y, size, of, color) {
  c.globalAlpha = of ? 1 : 0.4;
  c.beginPath();
  const slow = of && isSlow(of);
  const silent = of && isSilent(of);
  if (slow) { c.moveTo(x, y - size * 1.3); c.lineTo(x + size * 1.3, y + size); c.lineTo(x - size * 1.3, y + size); c.closePath(); }
  else if (silent) c.rect(x - size, y - size, size * 2, size * 2);
  else c.arc(x, y, size, 0, 2 * Math.PI);
  const shade = color(!of ? "muted" : slow ? "bad" : silent || of.status !== "authorized" ? "warn" : "a");
  if (of?.connection === "standby") { c.lineWidth = Math.max(1, size * 0.4); c.strokeStyle = shade; c.stroke(); }
  else { c.fillStyle = shade; c.fill(); }
  c.globalAlpha = 1;
  if (of) spots.push({ x, y, text: `${short(of.account)}\n${of.status}, ${of.connection}\nlast vote ${of.last_vote ?? "none"}, ${bytes(of.waiting_bytes)} waiting${of.rtt_ms == null ? "" : `\n${rtt(of)} there and back`}` });
}

// A disc, and a ring that says how full it is.
function director(c, at, color) {
  const { x, y, of } = at;
  c.beginPath();
  c.arc(x, y, 20, 0, 2 * Math.PI);
  c.fillStyle = color("card");
  c.fill();
  c.lineWidth = 4;
  c.strokeStyle = color("line");
  c.stroke();
  const full = of.capacity ? Math.min(1, (of.validators ?? 0) / of.capacity) : 0;
  c.beginPath();
  c.arc(x, y, 20, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * Math.max(full, 0.004));
  c.strokeStyle = color(of.connected ? (of.this ? "a" : "ok") : "bad");
  c.stroke();
  c.beginPath();
  c.arc(x, y, 16, 0, 2 * Math.PI);
  c.fillStyle = color(of.this ? "a" : of.connected ? "soft" : "bad-bg");
  c.fill();
  c.fillStyle = color(of.this ? "card" : of.connected ? "ink" : "bad");
  c.font = "600 12px system-ui, sans-serif";
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText(of.validators == null ? "?" : number(of.validators), x, y + 0.5);
  spots.push({ x, y, big: true, text: `${short(of.account, 8, 6)}${of.this ? " (this one)" : ""}\n${of.connected ? "connected" : "not connected"}, ${of.validators ?? "?"} of ${of.capacity} seats\nload ${of.cpu_permille == null ? "?" : (of.cpu_permille / 10).toFixed(0)} %, ${of.lag_blocks ?? "?"} blocks behind${of.rtt_ms == null ? "" : `\n${rtt(of)} there and back`}` });
}

function tipAt(box, x, y, text) {
  const tip = $("#tip");
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  tip.style.left = `${Math.max(0, Math.min(x + 12, box.clientWidth - tip.offsetWidth))}px`;
  tip.style.top = `${Math.max(0, y - tip.offsetHeight - 8)}px`;
}

// Charts.

// The first line has its axis on the left; the second one on the right if `apart`, else the same.
function chart(element, lines, format, apart) {
  const { history } = state;
  const [left, right, bottom, height] = [46, apart ? 46 : 0, 18, element.clientHeight];
  const width = element.clientWidth - right;
  if (width <= left) return;
  const svg = draw("svg", { viewBox: `0 0 ${width + right} ${height}`, "aria-hidden": "true" });
  const most = (fields) => nice(Math.max(0.0001, ...history.flatMap((point) => fields.map(([field]) => point[field] ?? 0))));
  const tops = lines.map((line) => most(apart ? [line] : lines));
  const x = (n) => left + ((width - left) * n) / Math.max(1, history.length - 1);
  const y = (part) => 6 + (height - bottom - 6) * (1 - part);
  for (const part of [0, 0.5, 1]) {
    svg.append(draw("line", { class: "rule", x1: left, x2: width, y1: y(part), y2: y(part) }));
    svg.append(draw("text", { x: left - 6, y: y(part) + 4, "text-anchor": "end" }, format(tops[0] * part)));
    if (apart) svg.append(draw("text", { x: width + 6, y: y(part) + 4 }, format(tops[1] * part)));
  }
  if (history.length > 1) {
    svg.append(draw("text", { x: left, y: height - 2 }, clock(history[0].t_ms)));
    svg.append(draw("text", { x: width, y: height - 2, "text-anchor": "end" }, clock(history.at(-1).t_ms)));
  }
  for (const [at, [field, kind, filled]] of lines.entries()) {
    let path = "";
    let pen = false;
    history.forEach((point, n) => {
      // Where nothing was written there is no wait: the line goes on to the next one.
      if (point[field] == null) return;
      path += `${pen ? "L" : "M"}${x(n).toFixed(1)} ${y(point[field] / tops[at]).toFixed(1)}`;
      pen = true;
    });
    if (!path) continue;
    if (filled) svg.append(draw("path", { class: "fill", d: `${path}L${x(history.length - 1)} ${y(0)}L${x(0)} ${y(0)}Z` }));
    svg.append(draw("path", { class: kind, d: path }));
  }
  element.replaceChildren(svg);
  const newest = (field) => history.findLast((point) => point[field] != null)?.[field];
  element.setAttribute("aria-label", lines.map(([field, , , name]) => `${name}: now ${format(newest(field) ?? 0)}, at most ${format(Math.max(0, ...history.map((point) => point[field] ?? 0)))}`).join("; "));
  element.show = (n) => {
    const point = history[Math.max(0, Math.min(history.length - 1, n))];
    svg.querySelectorAll(".cursor, .value").forEach((old) => old.remove());
    if (!point) return;
    const at = x(history.indexOf(point));
    element.at = history.indexOf(point);
    const text = `${clock(point.t_ms)}  ${lines.map(([field, , , name]) => `${name} ${point[field] == null ? "–" : format(point[field])}`).join("  ")}`;
    svg.append(draw("line", { class: "cursor", x1: at, x2: at, y1: 6, y2: height - bottom }));
    svg.append(draw("text", { class: "value", x: Math.max(left + 4, Math.min(at + 6, width - text.length * 6)), y: 16 }, text));
    return text;
  };
  element.index = (px) => Math.round(((px - left) / (width - left)) * (history.length - 1));
}

function nice(value) {
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((of) => of * size).find((of) => of >= value * 1.02) ?? 10 * size;
}

function showCharts() {
  chart($("#through"), [["ingress_per_s", "a", true, "in"], ["deliveries_per_s", "b", false, "delivered"]], (value) => `${brief.format(value)}/s`, true);
  chart($("#latency"), [["queue_p50_ms", "a", true, "median"], ["queue_p99_ms", "b", false, "slowest hundredth"]], (value) => (value ? duration(value) : "0"));
  showSample();
}

async function loadHistory() {
  const series = await ask(`history?window=${state.window}`);
  if (series.window !== state.window) return;
  state.history = series.points;
  state.step = series.step_ms;
  schedule("charts", showCharts);
}

// What comes from the director.

async function ask(path) {
  const answer = await fetch(`/api/v1/${path}`, { signal: AbortSignal.timeout(QUIET_MS) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

const PARTS = { chain: showChain, mesh: showMesh, checkpoints: showCheckpoints, authorizations: showAuthorizations, evidence: showEvidence, alarms: showAlarms };

function take(part, data) {
  state[part] = data;
  if (part === "alarms") showTitle();
  schedule(part, PARTS[part]);
  if (part === "checkpoints") refreshValidators();
}

// Each part is drawn once a frame at most, and not at all while nobody looks.
const due = new Map();
let frame = 0;

function schedule(name, work) {
  due.set(name, work);
  if (!frame && !document.hidden) frame = requestAnimationFrame(flush);
}

function flush() {
  // One part a frame, so that none holds up the page.
  const [next] = due;
  frame = 0;
  if (!next) return;
  due.delete(next[0]);
  next[1]();
  if (due.size && !document.hidden) frame = requestAnimationFrame(flush);
}

let validatorsAt = 0;
let validatorsTimer = 0;

function refreshValidators() {
  if (validatorsTimer) return;
  validatorsTimer = setTimeout(async () => {
    validatorsTimer = 0;
    validatorsAt = Date.now();
    await loadValidators().catch(() => {});
  }, Math.max(0, validatorsAt + 3000 - Date.now()));
}

// Whether it still answers: one look has to tell that, too.

// A sample comes each second, and where none does, answers each ten.
const QUIET_MS = 5000;
const POLL_MS = 10000;
const link = { heard: Date.now(), steady: performance.now(), within: QUIET_MS, lost: false };

// One of the clocks can be set, and the other one stands still while a machine sleeps.
const silence = () => Math.max(Date.now() - link.heard, performance.now() - link.steady);

// The director has answered, and should again within so long.
function hear(text, within = QUIET_MS) {
  Object.assign(link, { heard: Date.now(), steady: performance.now(), within });
  live("yes", text);
  setLost(false);
}

function setLost(lost) {
  if (lost) live("lost", "no answer");
  if (link.lost === lost) return;
  link.lost = lost;
  document.documentElement.dataset.lost = lost ? "yes" : "no";
  $(".tiles").setAttribute("aria-label", lost ? `Figures of ${clock(link.heard)}` : "Figures of this moment");
  showVerdict();
}

function watch() {
  if (silence() > link.within) {
    setLost(true);
    // A connection that is cut on its way tells nobody.
    if (!again && performance.now() - asked > POLL_MS) listen();
  }
  if (link.lost) showLost();
  showAge();
}

function live(on, text) {
  const pill = $("#live span");
  $("#live").dataset.on = on;
  if (pill.textContent !== text) pill.textContent = text;
}

async function poll() {
  try {
    for (const part of Object.keys(PARTS)) {
      take(part, await ask(part));
      hear("every 10 s", POLL_MS + QUIET_MS);
    }
  } catch {
    setLost(true);
    return;
  }
  // The parts have come: without the charts it is not lost.
  await loadHistory().catch(() => {});
}

let source = null;
let asked = 0;
let again = 0;

function listen() {
  source?.close();
  const mine = new EventSource("/api/v1/events");
  [source, asked, again] = [mine, performance.now(), 0];
  let opened = false;
  mine.onopen = () => { opened = true; };
  mine.onerror = () => {
    const refused = mine.readyState === EventSource.CLOSED;
    mine.close();
    // It was refused: as many listen as may. Then the parts are asked for.
    if (refused) poll();
    else if (!opened) setLost(true);
    else live("no", "connecting again");
    again = setTimeout(listen, refused ? POLL_MS : 1000);
  };
  for (const part of Object.keys(PARTS)) mine.addEventListener(part, (event) => take(part, JSON.parse(event.data)));
  mine.addEventListener("validators", refreshValidators);
  mine.addEventListener("sample", (event) => {
    // Parts come once to whoever connects, however old they are: this one comes because a second went by.
    hear("live");
    sample(JSON.parse(event.data));
  });
}

function sample(point) {
  if (state.window !== "5m") {
    const last = state.history.at(-1)?.t_ms ?? 0;
    if (point.t_ms - last >= (state.step ?? 1000) + 1000) loadHistory().catch(() => {});
    return;
  }
  state.history = [...state.history.filter((of) => of.t_ms < point.t_ms), point].slice(-300);
  schedule("charts", showCharts);
}

// Whoever looks.

function begin() {
  const root = document.documentElement;
  try { if (localStorage.theme) root.dataset.theme = localStorage.theme; } catch { /* not kept, then */ }
  $("#theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.theme = root.dataset.theme; } catch { /* not kept, then */ }
    schedule("picture", showPicture);
  });
  $("#whole").addEventListener("click", () => {
    state.whole = !state.whole;
    root.dataset.whole = state.whole ? "yes" : "no";
    $("#whole").setAttribute("aria-pressed", state.whole);
    for (const part of Object.keys(PARTS)) if (state[part]) schedule(part, PARTS[part]);
    schedule("validators", showValidators);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => schedule("picture", showPicture));
  for (const button of document.querySelectorAll("[data-window]")) {
    button.addEventListener("click", () => {
      state.window = button.dataset.window;
      document.querySelectorAll("[data-window]").forEach((of) => of.setAttribute("aria-pressed", of === button));
      loadHistory().catch(() => {});
    });
  }
  const again = () => { state.page = 0; schedule("validators", showValidators); };
  $("#find").addEventListener("input", again);
  $("#only").addEventListener("change", again);
  $("#prev").addEventListener("click", () => { state.page -= 1; schedule("validators", showValidators); });
  $("#next").addEventListener("click", () => { state.page += 1; schedule("validators", showValidators); });
  for (const element of document.querySelectorAll(".chart")) {
    element.addEventListener("pointermove", (event) => element.show?.(element.index(event.clientX - element.getBoundingClientRect().left)));
    element.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      // Whoever goes by keys may not see where they are: the drawing is nothing that is read out.
      say("said", element.show?.((element.at ?? state.history.length) + step) ?? "");
    });
  }
  const canvas = $("#net");
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const far = (of) => Math.hypot(of.x - x, of.y - y);
    const near = spots.filter((of) => far(of) < (of.big ? 22 : 8)).sort((a, b) => far(a) - far(b))[0];
    tipAt(canvas, x, y, near?.text);
  });
  canvas.addEventListener("pointerleave", () => tipAt(canvas, 0, 0, ""));
  new ResizeObserver(() => { schedule("picture", showPicture); schedule("charts", showCharts); }).observe($("main"));
  document.addEventListener("visibilitychange", () => { if (!document.hidden && due.size) frame ||= requestAnimationFrame(flush); });
  ask("status").then((status) => say("version", `v${status.version}`)).catch(() => {});
  loadHistory().catch(() => {});
  listen();
  setInterval(watch, 1000);
}

begin();
