// Drives a headless Chromium over its debugging pipe (DevTools protocol), with nothing but Node.js.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Bounds a question to the browser, which a loaded machine may keep waiting.
const ANSWER_MS = 60_000;

const KEYS = { Tab: 9, ArrowLeft: 37, ArrowDown: 40, Delete: 46 };

export class Browser {
  #child; #dir; #next = 1; #waiting = new Map(); #listeners = new Set(); #rest = "";

  // Starts the browser, with a profile of its own.
  static async start(program) {
    const browser = new Browser();
    browser.#dir = await mkdtemp(join(tmpdir(), "dashboard-"));
    const flags = ["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
      "--disable-background-networking", "--disable-component-update", "--no-default-browser-check", "--hide-scrollbars",
      "--force-color-profile=srgb", `--user-data-dir=${browser.#dir}`, "about:blank"];
    // Chromium refuses its sandbox to root, and CI is root.
    if (process.getuid?.() === 0) flags.unshift("--no-sandbox");
    const child = spawn(program, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.#child = child;
    const ended = (why) => {
      for (const { reject } of browser.#waiting.values()) reject(new Error(`the browser ended: ${why}`));
      browser.#waiting.clear();
    };
    child.on("error", ended);
    child.on("exit", ended);
    child.stdio[3].on("error", ended);
    child.stdio[4].setEncoding("utf8").on("data", (text) => browser.#read(text));
    return browser;
  }

  #read(text) {
    const messages = (this.#rest + text).split("\0");
    this.#rest = messages.pop();
    for (const message of messages.map((of) => JSON.parse(of))) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (waiting && message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
      else if (waiting) waiting.resolve(message.result);
      else for (const listener of this.#listeners) listener(message);
    }
  }

  // Asks the browser, or one of its pages.
  ask(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_MS);
      const done = (then) => (value) => { clearTimeout(timer); then(value); };
      this.#waiting.set(id, { method, resolve: done(resolve), reject: done(reject) });
      this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  on(listener) { this.#listeners.add(listener); return () => this.#listeners.delete(listener); }

  async page() {
    const { targetId } = await this.ask("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.ask("Target.attachToTarget", { targetId, flatten: true });
    return new Page(this, targetId, sessionId);
  }

  async stop() {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

// A page, and what went wrong in it.
export class Page {
  troubles = []; requests = [];

  constructor(browser, target, session) {
    Object.assign(this, { browser, target, session });
    this.off = browser.on(({ method, params, sessionId }) => {
      if (sessionId !== session) return;
      if (method === "Runtime.exceptionThrown") this.troubles.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
      if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) this.troubles.push(params.args.map((of) => of.value ?? of.description).join(" "));
      if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) this.troubles.push(`${params.entry.text} ${params.entry.url ?? ""}`);
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    });
  }

  ask(method, params) { return this.browser.ask(method, params, this.session); }

  async open(url, { width, height, dark = false, mobile = false, scale = 1 }) {
    for (const domain of ["Runtime", "Log", "Page", "Network"]) await this.ask(`${domain}.enable`);
    await this.ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile });
    await this.ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    await this.ask("Page.addScriptToEvaluateOnNewDocument", { source: `
      window.longTasks = [];
      new PerformanceObserver((list) => list.getEntries().forEach((of) => longTasks.push(of.duration))).observe({ type: "longtask", buffered: true });` });
    await this.ask("Page.navigate", { url });
  }

  // The value of an expression in the page.
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.ask("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  // Looks until an expression is true.
  async until(expression, within = 30_000) {
    const end = Date.now() + within;
    while (!(await this.evaluate(expression))) {
      if (Date.now() > end) throw new Error(`never true: ${expression}\n${this.troubles.join("\n")}\n${await this.evaluate("document.body.innerText")}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  // A picture of all of the page, or of its first so many pixels.
  async picture(height) {
    const { cssContentSize } = await this.ask("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width: cssContentSize.width, height: height ?? cssContentSize.height, scale: 1 };
    const { data } = await this.ask("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
    return Buffer.from(data, "base64");
  }

  async press(key) {
    for (const type of ["keyDown", "keyUp"]) await this.ask("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: KEYS[key] ?? 0 });
  }

  // Where an element is, once it is in sight.
  async #middle(selector) {
    return this.evaluate(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: "center" });
      const box = element.getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    })()`);
  }

  async click(selector) {
    const at = await this.#middle(selector);
    for (const type of ["mousePressed", "mouseReleased"]) await this.ask("Input.dispatchMouseEvent", { type, ...at, button: "left", clickCount: 1 });
  }

  // Points at a place in an element.
  async point(selector, dx, dy) {
    await this.#middle(selector);
    const box = await this.evaluate(`(({ x, y }) => ({ x, y }))(document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect())`);
    await this.ask("Input.dispatchMouseEvent", { type: "mouseMoved", x: box.x + dx, y: box.y + dy });
  }

  // Types into a field, in the place of what is there.
  async type(selector, text) {
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).select()`);
    await (text ? this.ask("Input.insertText", { text }) : this.press("Delete"));
  }

  async close() { this.off(); await this.browser.ask("Target.closeTarget", { targetId: this.target }); }
}
