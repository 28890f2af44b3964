// Opens the dashboard of a director that runs, and of made-up ones that are well, ill, gone and back, and holds what it shows to
// what the API says. Usage: node check.mjs CHROMIUM FILES PICTURES [URL], where FILES is the folder of the dashboard's files and
// PICTURES one for pictures. Without a director that runs, how long the page takes is held to its bounds (`cargo xtask bench dashboard`):
// beside a whole network, in the tests, times say more of what else the machine does.

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "./agree.mjs";
import { Browser } from "./browser.mjs";
import { Fake, answers, change } from "./fake.mjs";
import { DESK, PHONE, SETTLED, look } from "./look.mjs";
import { losses } from "./lost.mjs";
import { wrong } from "./openapi.mjs";
import { use } from "./use.mjs";

const [program, files, pictures, url] = process.argv.slice(2);

// First paint and the longest task with a thousand validators while everything changes each second and somebody uses the page: the
// worst of three loads.
async function measure(browser) {
  const fake = await Fake.start(files, answers(1000), { changes: true });
  const loads = [];
  for (let load = 0; load < 3; load += 1) {
    const page = await browser.page();
    await page.open(fake.url, DESK);
    await page.until(SETTLED);
    await changes(page, 4);
    for (const text of ["5", "5G", "5Gx", ""]) await page.type("#find", text);
    await page.click("#whole");
    await page.click("[data-window='24h']");
    await changes(page, 4);
    loads.push(await page.evaluate("[performance.getEntriesByName('first-contentful-paint')[0].startTime, Math.max(0, ...longTasks)].map(Math.round)"));
    await page.close();
  }
  await fake.stop();
  const [paint, task] = [0, 1].map((of) => Math.max(...loads.map((load) => load[of])));
  console.log(`1,000 validators, each of them changing each second, the worst of three loads: first paint after ${paint} ms, longest task ${task || "below 50"} ms`);
  console.log(`(all loads: ${loads.map(([paint, task]) => `${paint} and ${task || "< 50"} ms`).join("; ")})`);
  if (paint >= 1000) fail(`first paint after ${paint} ms: 1 s is promised`);
  if (task > 100) fail(`a task of ${task} ms: 100 ms are promised`);
}

// Waits for so many blocks more.
async function changes(page, blocks) {
  const shown = "+document.querySelector('[data-k=finalized]').dataset.value";
  const from = await page.evaluate(shown);
  await page.until(`${shown} >= ${from + blocks}`);
}

// What is made up is what a director could say.
async function plausible() {
  const document = JSON.parse(await readFile(join(files, "..", "openapi.json"), "utf8"));
  const changed = answers(1000);
  for (let second = 1; second < 4; second += 1) {
    const before = changed.validators.items.map((of) => JSON.stringify(of));
    change(changed, second);
    const same = changed.validators.items.filter((of, n) => JSON.stringify(of) === before[n]).length;
    if (same) fail(`${same} validators do not change within a second`);
  }
  for (const { status, history, ...parts } of [answers(1000), answers(40, { well: false, double: 8 }), changed]) {
    const all = [...Object.entries(parts), ...Object.values(history).map((of) => ["history", of])];
    const lines = all.flatMap(([part, answer]) => wrong(document, part, answer));
    if (lines.length) fail(`what is made up is not what the API says:\n${lines.slice(0, 20).join("\n")}`);
  }
  if (!wrong(document, "mesh", { directors: [{ account: 1 }] }).length) fail("a wrong answer is not noticed");
}

async function made(browser, name, data, views) {
  const fake = await Fake.start(files, data);
  await look(browser, fake.url, pictures, name, views);
  await fake.stop();
}

await plausible();
await mkdir(pictures, { recursive: true });
const browser = await Browser.start(program);
try {
  if (url) await look(browser, url, pictures, "network", [DESK, { ...PHONE, dark: true }]);
  else await measure(browser);
  await made(browser, "thousand", answers(1000), [DESK, { ...DESK, dark: true }]);
  await made(browser, "ill", answers(40, { well: false, double: 8 }), [PHONE, { ...PHONE, dark: true }]);
  await use(browser, files);
  await losses(browser, files, pictures);
  console.log("the dashboard shows what the API says");
} finally {
  await browser.stop();
}
