// What the page shows, what the API says, and whether the two are one.

// What is wrong with this page in one line.
export function fail(what) { throw new Error(what); }

// What the page shows, in the API's words.
export const SHOWN = `(() => {
  const rows = (table, key) => [...document.querySelectorAll(table + " tbody tr[data-" + key + "]")];
  return {
    finalized: +document.querySelector("[data-k=finalized]").dataset.value,
    level: document.querySelector("#verdict").dataset.level,
    title: document.querySelector("#verdict-title").textContent,
    tab: document.title,
    alarms: [...document.querySelectorAll("#alarms li")].map((of) => of.dataset.id + ": " + of.querySelector("b").textContent),
    mesh: rows("#mesh", "account").map((of) => [of.dataset.account, /this one|connected/.test(of.innerText), of.cells[2].innerText, of.cells[6].innerText]),
    checkpoints: rows("#checkpoints", "checkpoint").map((of) => [+of.dataset.checkpoint, +of.dataset.votes, of.cells[2].innerText]),
    waiting: [...document.querySelectorAll("#authorizations .case")].map((of) => [of.dataset.validator, of.querySelector(".tag").textContent]),
    evidence: [...document.querySelectorAll("#evidence .case")].map((of) => [of.dataset.id, of.querySelector(".tag").textContent,
      [...of.querySelectorAll("li")].map((step) => [step.className, step.firstChild.textContent, step.title, step.querySelector("small span")?.textContent.trim() ?? ""])]),
    cut: ["evidence", "authorizations"].map((list) => document.querySelector("#" + list + " .more")?.innerText ?? ""),
    validators: rows("#validators", "account").map((of) => [of.dataset.account, of.cells[1].innerText, of.cells[2].innerText, of.cells[3].innerText]),
    page: document.querySelector("#page").textContent,
    loads: rows("#mesh", "account").map((of) => [3, 4, 5].map((at) => of.cells[at].innerText)),
    took: rows("#checkpoints", "checkpoint").map((of) => [of.cells[1].innerText.trim(), of.cells[3].innerText]),
    approved: [...document.querySelectorAll("#authorizations .case .sub")].map((of) => [...of.querySelectorAll(".mono")].map((id) => id.title)),
    votes: rows("#validators", "account").map((of) => [...[4, 5, 6].map((at) => of.cells[at].innerText), of.cells[7].firstChild.title]),
    chain: [...document.querySelectorAll("#chain dd")].map((of) => of.title || of.querySelector(".mono")?.title || of.innerText),
    charts: [...document.querySelectorAll(".chart")].map((of) => of.getAttribute("aria-label")),
  };
})()`;

// What steps are called, and the verdict.
const LABELS = { "proven": "Two votes proven", "submitted": "Report submitted", "finalized": "In the chain", "cancelled": "Slash cancelled", "given_up": "Given up",
  "slash ahead": "Slash", "slash now": "Slash due", "slash done": "Slashed" };

function verdict({ items }) {
  const warnings = items.filter((of) => of.level === "warning").length;
  const told = warnings ? `${warnings} warning${warnings > 1 ? "s" : ""}` : "";
  const critical = items.length - warnings;
  return [critical ? `${critical} critical` : "", told].filter(Boolean).join(" and ") || "All is well";
}

const rest = (path, shown, all) => (all > shown ? `${all - shown} more: /api/v1/${path}` : "");

// What it has to show. On a network that runs some of it changes several times a second: that is looked at where it stands still.
export function expected({ chain, mesh, validators, checkpoints, authorizations, evidence, alarms, history }, stands) {
  // Below a hundred seconds.
  const time = (ms) => (ms == null ? "–" : ms < 10 ? `${+ms.toFixed(2)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
  const plain = (n) => new Intl.NumberFormat("en").format(n);
  return {
    finalized: chain.finalized.number,
    level: alarms.level,
    title: verdict(alarms),
    tab: alarms.items.length ? `(${alarms.items.length}) Director` : "Director",
    alarms: alarms.items.map((of) => `${of.id}: ${of.summary}`),
    mesh: mesh.directors.map((of) => [of.account, of.connected, of.validators == null ? "–" : `${of.validators} of ${of.capacity}`, of.this ? "" : time(of.rtt_ms)]),
    checkpoints: checkpoints.items.map((of) => [of.checkpoint, of.votes, of.certified ? "complete" : `needs ${of.needed}`]),
    waiting: authorizations.items.slice(0, 20).map((of) => [of.validator, `${of.approved_by.length} of ${authorizations.needed}`]),
    evidence: evidence.items.slice(0, 20).map((of) => [of.id, of.steps.some((step) => step.name === "given_up") ? "given up" : of.validator_status ?? of.state,
      of.steps.map((step) => [step.state, LABELS[step.name] ?? LABELS[`${step.name} ${step.state}`], step.amount ?? "", step.note ?? ""])]),
    cut: [rest("evidence", 20, evidence.total), rest("authorizations", 20, authorizations.items.length)],
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
    approved: authorizations.items.slice(0, 20).map((of) => [...of.approved_by, ...of.missing]),
    votes: validators.items.slice(0, 20).map((of) => [of.last_vote == null ? "–" : plain(of.last_vote), of.status === "authorized" ? `${of.missed} of ${validators.looked_at}` : "–", of.connection ? bytes(of.waiting_bytes) : "–", of.stake]),
    chain: ["answers", chain.finalized.hash, chain.genesis, `${plain(chain.checkpoint)}, every ${chain.checkpoint_interval} blocks`, `${chain.directors} of ${chain.directors_allowed.join(" to ")}, set ${chain.set_version}`, kinds.join(", "), chain.min_stake, `${plain(chain.slash_defer_period)} blocks`, `${plain(chain.unbonding_period)} blocks`],
    charts: [`${line("in", "ingress_per_s", rate)}; ${line("delivered", "deliveries_per_s", rate)}`, `${line("median", "queue_p50_ms", time)}; ${line("slowest hundredth", "queue_p99_ms", time)}`],
  };
}

// What the API says now, all pages of validators included.
export async function api(base, window = "5m") {
  const parts = ["chain", "mesh", "validators?limit=1000", "checkpoints", "authorizations", "evidence", "alarms", `history?window=${window}`];
  const got = await Promise.all(parts.map(async (part) => {
    const answer = await fetch(`${base}/api/v1/${part}`);
    if (!answer.ok) fail(`${part}: ${answer.status}`);
    return [part.split("?")[0], await answer.json()];
  }));
  const all = Object.fromEntries(got);
  while (all.validators.next) {
    const answer = await fetch(`${base}/api/v1/validators?limit=1000&after=${all.validators.next}`);
    const { items, next } = await answer.json();
    all.validators = { ...all.validators, items: [...all.validators.items, ...items], next };
  }
  for (const of of all.checkpoints.items) {
    if (of.votes > of.voters || (of.certified && of.blocks[0].votes < of.needed)) fail(`votes that cannot be: ${JSON.stringify(of)}`);
  }
  return all;
}

// Fields of `shown` that are not as the API says. While blocks go by, both change: see `agree`.
const differences = (shown, said) => Object.keys(said).filter((key) => said[key] !== undefined && JSON.stringify(shown[key]) !== JSON.stringify(said[key]));

// Waits until each field has been seen to agree: every one of them is on the page within moments of being true.
export async function agree(page, base, stands, window) {
  const open = new Set(Object.keys(expected(await api(base, window), stands)));
  const end = Date.now() + 40_000;
  let last;
  while (open.size) {
    const [shown, said] = [await page.evaluate(SHOWN), expected(await api(base, window), stands)];
    const differ = differences(shown, said);
    for (const key of [...open]) if (!differ.includes(key)) open.delete(key);
    last = [...open].map((key) => `${key}: shown ${JSON.stringify(shown[key])}, said ${JSON.stringify(said[key])}`);
    if (Date.now() > end) fail(`the page does not show what the API says:\n${last.join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
