// Tests the page of examples/notifications-web in a browser, from `sluice enqueue` to the displayed page. Each test
// waits for the expected state, with a timeout.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { chromium } from "playwright-core";

const { CHROMIUM, DATABASE_URL, SCREENSHOT, WEB_DATABASE_URL } = process.env;
const timeout = 30_000; // milliseconds
const run = promisify(execFile);

/** The web server, as a process. */
class WebServer {
  static async start(port = 0) {
    const server = new WebServer();
    server.process = spawn(process.execPath, ["server.mjs"], {
      cwd: fileURLToPath(new URL("../../../examples/notifications-web", import.meta.url)),
      env: { ...process.env, DATABASE_URL: WEB_DATABASE_URL, PORT: String(port) },
      stdio: ["ignore", "pipe", process.env.VERBOSE ? "inherit" : "ignore"],
    });
    const [line] = await once(createInterface(server.process.stdout), "line");
    server.url = new URL(line);
    return server;
  }

  async stop() {
    const exit = once(this.process, "exit");
    const tooLate = setTimeout(() => this.process.kill("SIGKILL"), timeout);
    this.process.kill();
    const [code] = await exit;
    clearTimeout(tooLate);
    assert.equal(code, 0, "the server must exit with 0 after SIGTERM");
  }
}

let database, server, browser, page;
let users = 0;
let user; // used only by the current test

const enqueue = (message, { to = user, type = "proposal_approved" } = {}) =>
  run("sluice", ["enqueue", "notification.send", JSON.stringify({ userId: to, type, message })]);

/** Enqueues a job and drains it. Separate drains keep the order, because waiting jobs may run in any order. */
async function send(message, details) {
  await enqueue(message, details);
  await run("sluice", ["drain"]);
}

const open = () => page.goto(new URL(`/?userId=${encodeURIComponent(user)}`, server.url).href);
const state = (text) => page.locator("#state", { hasText: text }).waitFor();
const shown = (text) => page.locator("#list .message", { hasText: text }).waitFor();
const badge = (text) => page.locator("#badge").getByText(text, { exact: true }).waitFor();
const noBadge = () => page.locator("#badge").waitFor({ state: "hidden" });
const messages = () => page.locator("#list .message").allTextContents();
const unreadRows = async () =>
  (await database.query("SELECT message FROM sluice.notification WHERE user_id = $1 AND read_at IS NULL", [user]))
    .rows.map((row) => row.message);

before(async () => {
  database = new pg.Client({ connectionString: DATABASE_URL });
  await database.connect();
  server = await WebServer.start();
  // Chromium's sandbox does not work for root.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});

after(async () => {
  await browser?.close();
  await database?.end();
  await server?.stop();
});

beforeEach(async () => {
  user = `ada & <co> ${++users}`;
  await page?.close();
  page = await browser.newPage({ viewport: { width: 760, height: 460 }, locale: "en-GB" });
  page.setDefaultTimeout(timeout);
  page.on("pageerror", (error) => assert.fail(error));
});

test("a notification appears when it is sent, and its badge disappears when it is read", async () => {
  await open();
  await state("Live");
  await noBadge();
  await enqueue("for somebody else", { to: "grace" });
  await send("Your proposal has been approved");
  await shown("Your proposal has been approved");
  await badge("1");
  assert.deepEqual(await messages(), ["Your proposal has been approved"]);
  assert.equal(await page.title(), "(1) Notifications");
  await page.getByRole("button", { name: "Mark as read: Proposal approved" }).click();
  await noBadge();
  assert.equal(await page.title(), "Notifications");
  assert.deepEqual(await unreadRows(), []);
});

test("a connection opened in advance does not keep the server from exiting", async () => {
  const unused = connect(server.url.port, server.url.hostname);
  await once(unused, "connect");
  unused.on("error", () => {}).unref();
  await server.stop();
  server = await WebServer.start(server.url.port);
});

test("unread notifications appear when the page is opened, newest first", async () => {
  await send("first");
  await send("second");
  await open();
  await badge("2");
  assert.deepEqual(await messages(), ["second", "first"]);
  await page.getByRole("button", { name: "Mark all as read" }).click();
  await noBadge();
  await page.reload();
  await state("Live");
  await send("third");
  await shown("third");
  assert.deepEqual(await messages(), ["third"]);
});

test("a notification read in one tab is also read in the other", async () => {
  await open();
  await state("Live");
  const other = await browser.newPage();
  await other.goto(page.url());
  await send("read me once");
  await badge("1");
  await other.getByRole("button", { name: "Mark all as read" }).click();
  await noBadge();
  await other.close();
});

test("markup in a notification is shown as text", async () => {
  const markup = `<img src=x onerror="document.title='taken over'"> & </script> "quoted" ☺`;
  await open();
  await state("Live");
  await send(markup, { type: "<b>bold</b>" });
  await badge("1");
  assert.deepEqual(await messages(), [markup]);
  assert.equal(await page.locator("#list img, #list b").count(), 0);
});

test("a message that is too long for NOTIFY arrives completely", async () => {
  await open();
  await state("Live");
  await send("long ".repeat(4000));
  await badge("1");
  assert.deepEqual(await messages(), ["long ".repeat(4000)]);
});

test("notifications sent while the database connection is lost arrive afterwards", async () => {
  await open();
  await state("Live");
  await send("before");
  await badge("1");
  // Without the right to log in, the server can't reconnect before the notification is stored.
  await database.query("ALTER ROLE web NOLOGIN");
  try {
    await database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'web'");
    await state("Waiting for the database");
    await send("meanwhile");
  } finally {
    await database.query("ALTER ROLE web LOGIN");
  }
  await shown("meanwhile");
  await badge("2");
  await state("Live");
  await send("afterwards");
  await badge("3");
  assert.deepEqual(await messages(), ["afterwards", "meanwhile", "before"]);
});

test("notifications sent while the web server is down arrive afterwards", async () => {
  await open();
  await state("Live");
  await send("before");
  await badge("1");
  await server.stop();
  await state("Reconnecting");
  await send("meanwhile");
  await send("read elsewhere");
  await database.query("UPDATE sluice.notification SET read_at = now() WHERE message = 'read elsewhere'");
  server = await WebServer.start(server.url.port);
  await shown("read elsewhere"); // newer than Last-Event-ID
  await badge("2");
  assert.deepEqual(await messages(), ["read elsewhere", "meanwhile", "before"]);
});

test("the server refuses requests that the page does not send", async () => {
  await send("keep me");
  const [{ id }] = (await database.query("SELECT id FROM sluice.notification WHERE user_id = $1", [user])).rows;
  const post = (body, type = "application/json") =>
    fetch(new URL("/read", server.url), { method: "POST", headers: { "Content-Type": type }, body });
  const status = async (response) => (await response).status;
  assert.equal(await status(post(JSON.stringify({ userId: user, ids: [id] }), "text/plain")), 415);
  assert.equal(await status(post("{")), 400);
  assert.equal(await status(post("null")), 400);
  assert.equal(await status(post(JSON.stringify({ userId: user, ids: ["1 OR true"] }))), 400);
  assert.equal(await status(post(JSON.stringify({ ids: [id] }))), 400);
  assert.equal(await status(post(" ".repeat(100_000))), 413);
  assert.equal(await status(post(JSON.stringify({ userId: "grace", ids: [id] }))), 200);
  assert.equal(await status(fetch(new URL("/events", server.url))), 400);
  assert.equal(await status(fetch(new URL("/../server.mjs", server.url))), 404);
  assert.deepEqual(await unreadRows(), ["keep me"]);
});

test("a screenshot for the documentation", { skip: !SCREENSHOT }, async () => {
  user = "ada";
  await send("Welcome, Ada. Your account is ready.", { type: "welcome" });
  await open();
  await page.getByRole("button", { name: /Mark as read/ }).click();
  await noBadge();
  await send("Grace commented: “The second chapter reads well now.”", { type: "comment_added" });
  await send("Your proposal has been approved", { type: "proposal_approved" });
  await badge("2");
  await page.mouse.move(0, 0);
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await page.screenshot({ path: SCREENSHOT });
});
