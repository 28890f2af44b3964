// Uses the page as people do: search, filter, pager, windows of time, theme and pointer. What is then shown is what the API says.

import { SHOWN, agree, api, expected, fail } from "./agree.mjs";
import { answers, Fake } from "./fake.mjs";
import { DESK, SETTLED, well } from "./look.mjs";

const ROWS = 20;

// Waits until these validators are shown, from so many on.
async function shows(page, what, found, begin = 0) {
  const wanted = JSON.stringify(found.slice(begin, begin + ROWS).map((of) => of.account));
  const of = new Intl.NumberFormat("en").format(found.length);
  const told = `${found.length ? begin + 1 : 0}–${Math.min(begin + ROWS, found.length)} of ${of}`;
  const shown = `JSON.stringify([...document.querySelectorAll("#validators tbody tr[data-account]")].map((of) => of.dataset.account))`;
  try {
    await page.until(`${shown} === ${JSON.stringify(wanted)} && document.querySelector("#page").textContent === ${JSON.stringify(told)}`, 10_000);
  } catch {
    fail(`${what}: wanted ${told} ${wanted}, shown ${await page.evaluate("document.querySelector('#page').textContent")} ${await page.evaluate(shown)}`);
  }
}

// As the words beside each choice say.
const CHOICES = {
  "all": () => true,
  "connected here": (of) => of.connection !== null,
  "missed votes": (of) => of.status === "authorized" && of.missed > 0,
  "reads slowly": (of) => of.waiting_bytes > 1 << 20,
  "not authorized": (of) => of.status !== "authorized",
};

async function search(page, items) {
  const one = items[777];
  await page.type("#find", one.account.slice(5, 17).toUpperCase());
  await shows(page, "a part of an account", items.filter((of) => of.account.toLowerCase().includes(one.account.slice(5, 17).toLowerCase())));
  await page.type("#find", one.peer.slice(0, 12));
  await shows(page, "the beginning of a key", [one]);
  await page.type("#find", "0OIl");
  await shows(page, "nobody", []);
  await page.until(`document.querySelector("#validators tbody").innerText === "None is like that."`);
  await page.type("#find", "");
  await shows(page, "no search", items);
}

async function filter(page, items) {
  const choices = await page.evaluate("[...document.querySelector('#only').options].map((of) => of.text)");
  if (choices.join() !== Object.keys(CHOICES).join()) fail(`choices are ${choices}`);
  // By keyboard.
  await page.evaluate("document.querySelector('#only').focus()");
  for (const choice of choices) {
    if (choice !== choices[0]) await page.press("ArrowDown");
    const found = items.filter(CHOICES[choice]);
    if (!found.length) fail(`nobody is "${choice}" in what is made up`);
    await shows(page, choice, found);
  }
  // Both at once, and back on the first page.
  const last = items.filter(CHOICES["not authorized"]);
  await page.type("#find", last[0].account.slice(0, 10));
  await shows(page, "search among a choice", last.filter((of) => of.account.startsWith(last[0].account.slice(0, 10))));
  await page.type("#find", "");
  await page.evaluate("document.querySelector('#only').selectedIndex = 0; document.querySelector('#only').dispatchEvent(new Event('change'))");
}

async function pager(page, items) {
  await shows(page, "the first page", items);
  const disabled = () => page.evaluate("[document.querySelector('#prev').disabled, document.querySelector('#next').disabled].join()");
  if ((await disabled()) !== "true,false") fail("there is a page before the first");
  for (let begin = ROWS; begin < items.length; begin += ROWS) {
    await page.click("#next");
    await shows(page, "the next page", items, begin);
  }
  if ((await disabled()) !== "false,true") fail("there is a page after the last");
  await page.click("#prev");
  await shows(page, "the page before", items, Math.floor((items.length - 1) / ROWS) * ROWS - ROWS);
  // What is looked for is on its first page, wherever one was.
  await page.type("#find", "5");
  await shows(page, "a search begins anew", items.filter((of) => of.account.includes("5")));
}

async function windows(page, base) {
  for (const window of ["1h", "24h", "5m"]) {
    await page.click(`[data-window="${window}"]`);
    await page.until(`document.querySelector("[data-window][aria-pressed=true]").dataset.window === "${window}"`);
    const { charts } = expected(await api(base, window), true);
    await page.until(`JSON.stringify(${SHOWN}.charts) === ${JSON.stringify(JSON.stringify(charts))}`, 15_000);
  }
}

async function theme(page, base, view) {
  const card = () => page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor");
  const light = await card();
  await page.click("#theme");
  if ((await card()) === light) fail("the theme does not change");
  await well(page, base, view);
  await page.ask("Page.reload");
  await page.until(SETTLED);
  if ((await card()) === light) fail("the theme is forgotten");
  await page.click("#theme");
  await page.evaluate("localStorage.clear()");
}

async function pointer(page, { mesh }) {
  const us = mesh.directors.find((of) => of.this);
  const at = await page.evaluate("spots.find((of) => of.big && of.text.includes('this one'))");
  await page.point("#net", at.x, at.y);
  await page.until("!document.querySelector('#tip').hidden");
  const told = await page.evaluate("document.querySelector('#tip').innerText");
  if (!told.startsWith(us.account.slice(0, 8)) || !told.includes(`${us.validators} of ${us.capacity} seats`)) fail(`the pointer is told "${told}"`);
  await page.point("#through", 200, 80);
  await page.until("document.querySelector('#through .value') && document.querySelector('#tip').hidden");
}

export async function use(browser, files) {
  const fake = await Fake.start(files, answers(1200, { double: 35, waiting: 27 }));
  const page = await browser.page();
  await page.open(fake.url, DESK);
  await page.until(SETTLED);
  // Lists that are cut say so: `cut` is among what is compared.
  await agree(page, fake.url, true);
  const all = await api(fake.url);
  if (all.validators.items.length !== 1200) fail("the API's pages do not have all validators");
  await search(page, all.validators.items);
  await filter(page, all.validators.items);
  await pager(page, all.validators.items);
  await windows(page, fake.url);
  await pointer(page, all);
  await theme(page, fake.url, DESK);
  await page.close();
  await fake.stop();
}
