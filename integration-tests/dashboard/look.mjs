// Looks at the page: what it shows, texts' contrast, width, console and keyboard.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { agree, api, expected, fail } from "./agree.mjs";

export const DESK = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844, mobile: true, scale: 2 };

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

export const SETTLED = "document.querySelectorAll('#validators tbody tr[data-account]').length > 0 && document.querySelector('#verdict').dataset.level !== 'unknown' && document.querySelector('#through svg') !== null";

export async function well(page, base, view) {
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
  for (let n = 0; n < 24; n += 1) {
    await page.press("Tab");
    stops.add(await page.evaluate("document.activeElement.id || document.activeElement.dataset.window || document.activeElement.className || document.activeElement.tagName"));
  }
  const wanted = ["skip", "whole", "theme", "5m", "scroll-mesh", "scroll-checkpoints", "scroll-validators", "through", "latency", "find", "only"];
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

export async function look(browser, base, pictures, name, views) {
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
