// Opens the dashboard of a director that runs, and of one with a thousand validators that does not, and holds what it shows to
// what the API says. Usage: node check.mjs CHROMIUM FILES PICTURES [URL], where FILES is the folder of the dashboard's files and
// PICTURES one for pictures. Without a director that runs, how long the page takes is held to its bounds too (`cargo xtask bench dashboard`):
// beside a whole network, in the tests, times say more of what else the machine does.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Browser } from "./browser.mjs";
import { answers, serve } from "./fake.mjs";
import { wrong } from "./openapi.mjs";

const [program, files, pictures, url] = process.argv.slice(2);
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844, mobile: true, scale: 2 };

// What is wrong with this page in one line, or nothing.
function fail(what) { throw new Error(what); }

// All text that is shown, and the least contrast it may have (WCAG 2, AA).
const CONTRAST = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((of) => of / 255).map((of) => (of <= 0.04045 ? of / 12.92 : ((of + 0.055) / 1.055) ** 2.4)).reduce((sum, of, n) => sum + of * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = (element) => { for (let at = element; at; at = at.parentElement) { const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor); if (a === 1 && r !== undefined) return [r, g, b]; } return [255, 255, 255]; };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility() || element.closest(".hide, .skip, :disabled, noscript, script")) continue;
    const style = getComputedStyle(element);
    const fill = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(parse(fill)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && +style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(node.textContent.trim().slice(0, 30) + " " + ratio.toFixed(2));
  }
  return poor;
})()`;

// What the page shows, in the API's words.
const SHOWN = `(() => {
  const rows = (table, key) => [...document.querySelectorAll(table + " tbody tr[data-" + key + "]")];
  return {
    finalized: +document.querySelector("[data-k=finalized]").dataset.value,
    level: document.querySelector("#verdict").dataset.level,
    title: document.querySelector("#verdict-title").textContent,
    alarms: [...document.querySelectorAll("#alarms li")].map((of) => of.dataset.id + ": " + of.querySelector("b").textContent),
    mesh: rows("#mesh", "account").map((of) => [of.dataset.account, /this one|connected/.test(of.innerText), of.cells[2].innerText, of.cells[6].innerText]),
    checkpoints: rows("#checkpoints", "checkpoint").map((of) => [+of.dataset.checkpoint, +of.dataset.votes, of.cells[2].innerText]),
    waiting: [...document.querySelectorAll("#authorizations .case")].map((of) => [of.dataset.validator, of.querySelector(".tag").textContent]),
    evidence: [...document.querySelectorAll("#evidence .case")].map((of) => [of.dataset.id, [...of.querySelectorAll("li")].map((step) => [step.className, step.title])]),
    validators: rows("#validators", "account").map((of) => [of.dataset.account, of.cells[1].innerText, of.cells[2].innerText, of.cells[3].innerText]),
    page: document.querySelector("#page").textContent,
    loads: rows("#mesh", "account").map((of) => [3, 4, 5].map((at) => of.cells[at].innerText)),
    took: rows("#checkpoints", "checkpoint").map((of) => [of.cells[1].innerText.trim(), of.cells[3].innerText]),
    approved: [...document.querySelectorAll("#authorizations .sub")].map((of) => [...of.querySelectorAll(".mono")].map((id) => id.title)),
    votes: rows("#validators", "account").map((of) => [...[4, 5, 6].map((at) => of.cells[at].innerText), of.cells[7].firstChild.title]),
    chain: [...document.querySelectorAll("#chain dd")].map((of) => of.title || of.querySelector(".mono")?.title || of.innerText),
    charts: [...document.querySelectorAll(".chart")].map((of) => of.getAttribute("aria-label")),
  };
})()`;

// What it has to show. On a network that runs some of it changes several times a second: that is looked at where it stands still.
function expected({ chain, mesh, validators, checkpoints, authorizations, evidence, alarms, history }, stands) {
  // Below a hundred seconds.
  const time = (ms) => (ms == null ? "–" : ms < 10 ? `${+ms.toFixed(2)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
  const plain = (n) => new Intl.NumberFormat("en").format(n);
  return {
    finalized: chain.finalized.number,
    level: alarms.level,
    title: alarms.level === "ok" ? "All is well" : undefined,
    alarms: alarms.items.map((of) => `${of.id}: ${of.summary}`),
    mesh: mesh.directors.map((of) => [of.account, of.connected, of.validators == null ? "–" : `${of.validators} of ${of.capacity}`, of.this ? "" : time(of.rtt_ms)]),
    checkpoints: checkpoints.items.map((of) => [of.checkpoint, of.votes, of.certified ? "complete" : `needs ${of.needed}`]),
    waiting: authorizations.items.map((of) => [of.validator, `${of.approved_by.length} of ${authorizations.needed}`]),
    evidence: evidence.items.map((of) => [of.id, of.steps.map((step) => [step.state, step.amount ?? ""])]),
    validators: validators.items.slice(0, 20).map((of) => [of.account, of.status, of.connection ?? "elsewhere", of.connection ? time(of.rtt_ms) : "–"]),
    page: `1–${Math.min(20, validators.items.length)} of ${plain(validators.total)}`,
    ...(stands ? standing({ chain, mesh, validators, checkpoints, authorizations, history }, time, plain) : {}),
  };
}

function standing({ chain, mesh, validators, checkpoints, authorizations, history }, time, plain) {
  const bytes = (n) => (n < 1024 ? `${n} B` : n < 1 << 20 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / (1 << 20)).toFixed(1)} MiB`);
  const brief = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const line = (name, field, format) => `${name}: now ${format(history.points.at(-1)[field])}, at most ${format(Math.max(...history.points.map((of) => of[field])))}`;
  const rate = (n) => `${brief.format(n)}/s`;
  const kinds = Object.entries(chain.validators).filter(([, n]) => n).map(([name, n]) => `${n} ${name}`);
  return {
    loads: mesh.directors.map((of) => [`${(of.cpu_permille / 10).toFixed(0)} %`, `${of.lag_blocks}`, of.this ? "" : time(of.heard_ms_ago)]),
    took: checkpoints.items.map((of) => [`${of.votes} of ${of.voters}${of.blocks.length > 1 ? ` ${of.blocks.length} blocks` : ""}`, time(of.certified_after_ms)]),
    approved: authorizations.items.map((of) => [...of.approved_by, ...of.missing]),
    votes: validators.items.slice(0, 20).map((of) => [of.last_vote == null ? "–" : plain(of.last_vote), of.status === "authorized" ? `${of.missed} of ${validators.looked_at}` : "–", of.connection ? bytes(of.waiting_bytes) : "–", of.stake]),
    chain: ["answers", chain.finalized.hash, chain.genesis, `${plain(chain.checkpoint)}, every ${chain.checkpoint_interval} blocks`, `${chain.directors} of ${chain.directors_allowed.join(" to ")}, set ${chain.set_version}`, kinds.join(", "), chain.min_stake, `${plain(chain.slash_defer_period)} blocks`, `${plain(chain.unbonding_period)} blocks`],
    charts: [`${line("in", "ingress_per_s", rate)}; ${line("delivered", "deliveries_per_s", rate)}`, `${line("median", "queue_p50_ms", time)}; ${line("slowest hundredth", "queue_p99_ms", time)}`],
  };
}

async function api(base) {
  const parts = ["chain", "mesh", "validators?limit=1000", "checkpoints", "authorizations", "evidence", "alarms", "history"];
  const got = await Promise.all(parts.map(async (part) => {
    const answer = await fetch(`${base}/api/v1/${part}`);
    if (!answer.ok) fail(`${part}: ${answer.status}`);
    return [part.split("?")[0], await answer.json()];
  }));
  return Object.fromEntries(got);
}

// Fields of `shown` that are not as the API says. While blocks go by, both change: see `agree`.
const differences = (shown, said) => Object.keys(said).filter((key) => said[key] !== undefined && JSON.stringify(shown[key]) !== JSON.stringify(said[key]));

// Waits until each field has been seen to agree: every one of them is on the page within moments of being true.
async function agree(page, base, stands) {
  const open = new Set(Object.keys(expected(await api(base), stands)));
  const end = Date.now() + 40_000;
  let last;
  while (open.size) {
    const [shown, said] = [await page.evaluate(SHOWN), expected(await api(base), stands)];
    const differ = differences(shown, said);
    for (const key of [...open]) if (!differ.includes(key)) open.delete(key);
    last = [...open].map((key) => `${key}: shown ${JSON.stringify(shown[key])}, said ${JSON.stringify(said[key])}`);
    if (Date.now() > end) fail(`the page does not show what the API says:\n${last.join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

const SETTLED = "document.querySelectorAll('#validators tbody tr[data-account]').length > 0 && document.querySelector('#verdict').dataset.level !== 'unknown' && document.querySelector('#through svg') !== null";

async function well(page, base, view) {
  if (page.troubles.length) fail(`the console says: ${page.troubles.join("\n")}`);
  const elsewhere = page.requests.filter((of) => !of.startsWith(base));
  if (elsewhere.length) fail(`it asked elsewhere: ${elsewhere}`);
  const poor = await page.evaluate(CONTRAST);
  if (poor.length) fail(`contrast below AA at ${view.width} px, ${view.dark ? "dark" : "light"}: ${poor.join(", ")}`);
  const width = await page.evaluate("document.scrollingElement.scrollWidth");
  if (width > view.width) fail(`${width} px wide on a screen of ${view.width}`);
}

// By keyboard alone: the first stop skips to the content, and each control can be reached.
async function keyboard(page) {
  const stops = new Set();
  for (let n = 0; n < 14; n += 1) {
    await page.press("Tab");
    stops.add(await page.evaluate("document.activeElement.id || document.activeElement.dataset.window || document.activeElement.className || document.activeElement.tagName"));
  }
  const wanted = ["skip", "whole", "theme", "5m", "through", "latency", "find", "only"];
  // Where all validators are on one page there is no next one.
  if (!(await page.evaluate("document.querySelector('#next').disabled"))) wanted.push("next");
  for (const stop of wanted) {
    if (!stops.has(stop)) fail(`the keyboard does not reach ${stop}, only ${[...stops]}`);
  }
  // What the cursor of a chart is at, for who does not see it.
  await page.evaluate("document.querySelector('#through').focus()");
  await page.press("ArrowLeft");
  const said = await page.evaluate("document.querySelector('[data-k=said]').textContent");
  if (!/in .* delivered /.test(said)) fail(`the cursor of a chart is told as "${said}"`);
  await page.evaluate("document.activeElement.blur()");
}

// Whoever has no pointer to hover with reads and copies what is shown in short otherwise.
async function inFull(page, base, view) {
  const { mesh, validators } = expected(await api(base));
  await page.evaluate("document.querySelector('#whole').click()");
  const ids = [...mesh, ...validators].map(([id]) => id);
  await page.until(`${JSON.stringify(ids)}.every((id) => [...document.querySelectorAll("td")].some((cell) => cell.innerText.includes(id)))`);
  await page.until("![...document.querySelectorAll('#mesh td, #chain dd, #authorizations .mono, #evidence .mono')].some((of) => of.innerText.includes('…'))");
  await well(page, base, view);
  await page.evaluate("document.querySelector('#whole').click()");
  // One part a frame is drawn.
  await page.until("document.querySelector('#validators tbody .mono').innerText.includes('…') && ![...document.querySelectorAll('.case .mono')].some((of) => !of.innerText.includes('…'))");
}

async function look(browser, base, name, views) {
  for (const view of views) {
    const page = await browser.page();
    await page.open(base, view);
    await page.until(SETTLED);
    await agree(page, base, name !== "network");
    await well(page, base, view);
    if (view === views[0]) await keyboard(page);
    await inFull(page, base, view);
    const file = `${name}-${view.mobile ? "phone" : "desktop"}-${view.dark ? "dark" : "light"}.png`;
    await writeFile(join(pictures, file), await page.picture());
    await page.close();
  }
}

// First paint and the longest task with a thousand validators while everything changes each second: the least of
// three loads, since what else the machine does is in each of them.
async function measure(browser, base) {
  let [paint, task] = [Infinity, Infinity];
  for (let load = 0; load < (url ? 1 : 3); load += 1) {
    const page = await browser.page();
    await page.open(base, DESK);
    await page.until(SETTLED);
    await new Promise((resolve) => setTimeout(resolve, 3500));
    const [painted, longest] = await page.evaluate("[performance.getEntriesByName('first-contentful-paint')[0].startTime, Math.max(0, ...longTasks)]");
    [paint, task] = [Math.min(paint, painted), Math.min(task, longest)];
    await page.close();
  }
  console.log(`1,000 validators: first paint after ${Math.round(paint)} ms, longest task ${Math.round(task)} ms`);
  if (url) return;
  if (paint >= 1000) fail(`first paint after ${paint} ms: 1 s is promised`);
  if (task > 100) fail(`a task of ${task} ms: 100 ms are promised`);
}

// What is made up is what a director could say.
const document = JSON.parse(await readFile(join(files, "..", "openapi.json"), "utf8"));
for (const made of [answers(1000), answers(40, { well: false })]) {
  const parts = Object.entries(made).filter(([part]) => part !== "status");
  const lines = parts.flatMap(([part, answer]) => wrong(document, part, answer));
  if (lines.length) fail(`what is made up is not what the API says:\n${lines.slice(0, 20).join("\n")}`);
}
if (!wrong(document, "mesh", { directors: [{ account: 1 }] }).length) fail("a wrong answer is not noticed");

await mkdir(pictures, { recursive: true });
const browser = await Browser.start(program);
try {
  if (url) await look(browser, url, "network", [DESK, { ...PHONE, dark: true }]);
  const many = await serve(files, answers(1000));
  await measure(browser, many.url);
  await look(browser, many.url, "thousand", [DESK, { ...DESK, dark: true }]);
  many.close();
  const ill = await serve(files, answers(40, { well: false }));
  await look(browser, ill.url, "ill", [PHONE, { ...PHONE, dark: true }]);
  ill.close();
  console.log("the dashboard shows what the API says");
} finally {
  await browser.stop();
}
