// One look tells whether all is well: also when the director behind the page is closed, hangs, or was never heard.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "./agree.mjs";
import { answers, Fake } from "./fake.mjs";
import { DESK, SETTLED, well } from "./look.mjs";

// Takes down what is read out from now on, and each verdict.
const LISTEN = `(() => {
  window.said = [];
  window.verdicts = [];
  const live = "[aria-live], [role=status], [role=alert]";
  new MutationObserver((changes) => changes.forEach(({ target }) => {
    const element = (target.nodeType === 1 ? target : target.parentElement)?.closest(live);
    if (element) said.push(element.textContent);
  })).observe(document.body, { childList: true, characterData: true, subtree: true });
  new MutationObserver(() => verdicts.push(document.querySelector("#verdict").dataset.level)).observe(document.querySelector("#verdict"), { attributeFilter: ["data-level"] });
})()`;

const LOST = `document.querySelector("#verdict").dataset.level === "critical" && /^No answer since \\d\\d:\\d\\d:\\d\\d$/.test(document.querySelector("#verdict-title").textContent)
  && document.title === "(!) Director" && document.querySelector("#live").innerText.trim() === "no answer" && document.documentElement.dataset.lost === "yes"`;

const BACK = `document.querySelector("#verdict").dataset.level === "ok" && document.querySelector("#verdict-title").textContent === "All is well"
  && document.title === "Director" && document.querySelector("#live").innerText.trim() === "live" && document.documentElement.dataset.lost === "no"`;

// How old what is shown is said to be, in the verdict's words.
const AGE = `document.querySelector("#verdict-text").textContent.match(/come for ([^,]*),/)[1]`;

// Figures are grey: whatever has a colour of its own otherwise.
const GREY = `(() => {
  const color = (of) => getComputedStyle(document.querySelector(of)).color;
  return ["[data-k=finalized]", "#mesh .tag.ok", "#checkpoints .tag.ok", "#validators .tag.ok"].every((of) => color(of) === color(".tile dt"));
})()`;

async function lost(page, how) {
  await page.until(LOST);
  if (!(await page.evaluate(GREY))) fail(`${how}: figures look as if they were of this moment`);
  const age = await page.evaluate(AGE);
  // It gets older, and that is not read out each second.
  await page.until(`${AGE} !== ${JSON.stringify(age)}`);
  const said = await page.evaluate("said");
  if (said.length !== 1 || !said[0].startsWith("No answer")) fail(`${how}: it was read out ${JSON.stringify(said)}, not once`);
}

async function back(page, how) {
  await page.until(BACK);
  if (await page.evaluate(GREY)) fail(`${how}: figures stay grey`);
  await page.evaluate("said.length = 0");
}

export async function losses(browser, files, pictures) {
  const fake = await Fake.start(files, answers(40));
  const page = await browser.page();
  await page.open(fake.url, DESK);
  await page.until(SETTLED);
  await page.evaluate(LISTEN);

  await fake.close();
  await lost(page, "closed");
  // What the browser says of requests in vain is no fault of the page.
  page.troubles = [];
  await well(page, fake.url, DESK);
  await writeFile(join(pictures, "lost-desktop-light.png"), await page.picture(900));
  await fake.open();
  await back(page, "closed and back");

  fake.hang();
  await lost(page, "silent");
  fake.wake();
  await back(page, "silent and back");

  // Who connects again gets every part once, however old they are: that is no sign of life.
  const asked = fake.asked.get("events");
  fake.doze();
  await lost(page, "dozing");
  if (fake.asked.get("events") === asked) fail("it does not try again while nothing comes");
  await page.evaluate("verdicts.length = 0");
  const age = await page.evaluate(AGE);
  await page.until(`${AGE} !== ${JSON.stringify(age)}`);
  if (!(await page.evaluate(LOST)) || (await page.evaluate("verdicts")).some((of) => of !== "critical")) fail("what is old is taken for new");
  fake.wake();
  await back(page, "dozing and back");

  // An open connection that ends, as each does after ten minutes, is no reason to be afraid.
  await page.evaluate("verdicts.length = 0");
  const before = fake.asked.get("events");
  fake.drop();
  await page.until("document.querySelector('#live').innerText.trim() === 'connecting again'");
  await page.until(BACK);
  fake.lag();
  if (fake.asked.get("events") <= before) fail("it did not connect again");
  if ((await page.evaluate("verdicts")).some((of) => of !== "ok")) fail("it was afraid of a connection that ended as they do");
  await crowded(fake, page);
  await page.close();

  fake.hang();
  const late = await browser.page();
  await late.open(fake.url, DESK);
  await late.until("document.readyState === 'complete' && document.querySelector('#verdict') !== null");
  await late.until(LOST);
  fake.wake();
  await late.until(BACK);
  await late.close();
  await fake.stop();
}

// Where as many listen as may, it asks for the parts; and it does notice when nobody answers that either.
async function crowded(fake, page) {
  fake.full(true);
  fake.drop();
  await page.until("document.querySelector('#live').innerText.trim() === 'every 10 s'");
  fake.data.chain.finalized.number += 5;
  await page.until(`+document.querySelector("[data-k=finalized]").dataset.value === ${fake.data.chain.finalized.number}`);
  if ((await page.evaluate("verdicts")).some((of) => of !== "ok")) fail("it was afraid of having to ask");
  await fake.close();
  await page.until(LOST);
  fake.full(false);
  await fake.open();
  await page.until(BACK);
}
