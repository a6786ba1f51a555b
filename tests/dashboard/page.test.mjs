// Tests the dashboard in a browser, and its API, over a real database. Each test waits for the expected state.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, request as forward } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import Ajv from "ajv/dist/2020.js";
import pg from "pg";
import { chromium } from "playwright-core";

const { CHROMIUM, DATABASE_URL, SCREENSHOTS, SERVER_SCRIPT, STATE } = process.env;
const timeout = 30_000; // milliseconds
const run = promisify(execFile);
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const tokens = { viewer: "11aa", helper: "22bb", chief: "33cc" };
const roles = { viewer: "view", helper: "operate", chief: "admin" };
const digest = (text) => createHash("sha256").update(text).digest("hex");

/** A program that runs until it is stopped. */
class Daemon {
  static async start(words, waitFor, extra = {}) {
    const daemon = new Daemon();
    daemon.process = spawn("sluice", words, { env: { ...process.env, ...extra }, stdio: ["ignore", "ignore", "pipe"] });
    daemon.lines = [];
    const lines = createInterface(daemon.process.stderr);
    await new Promise((resolve, reject) => {
      daemon.process.once("exit", (code) => reject(new Error(`sluice ${words[0]} ended with ${code}: ${daemon.lines.join("\n")}`)));
      lines.on("line", (line) => {
        daemon.lines.push(line);
        if (process.env.VERBOSE) console.error(line);
        if (line.includes(waitFor)) resolve();
      });
    });
    daemon.process.removeAllListeners("exit");
    return daemon;
  }

  /** The URL in its log. */
  url() {
    return JSON.parse(this.lines.find((line) => line.includes('"url"'))).url.replace(/\/$/, "");
  }

  async stop() {
    const exit = once(this.process, "exit");
    const tooLate = setTimeout(() => this.process.kill("SIGKILL"), timeout);
    this.process.kill();
    const [code] = await exit;
    clearTimeout(tooLate);
    assert.equal(code, 0, `the program must exit with 0 after SIGTERM: ${this.lines.slice(-3).join("\n")}`);
  }
}

let database, runtime, dashboard, browser, base;

const sql = (text, values) => database.query(text, values);
const insert = (id, payload, type = "test.probe") =>
  sql(`INSERT INTO "Outbox" (id, type, payload, "updatedAt") VALUES ($1, $2, $3, now())`, [id, type, JSON.stringify(payload)]);

async function eventually(what, condition) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `this must become true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const becomes = (id, status) =>
  eventually(`${id} is ${status}`, async () => (await sql(`SELECT status FROM "Outbox" WHERE id = $1`, [id])).rows[0]?.status === status);

const api = (path, who = "chief", options = {}) =>
  fetch(`${base}/api/v1${path}`, { ...options, headers: { Authorization: `Bearer ${tokens[who]}`, ...options.headers } });
const json = async (path, who) => (await api(path, who)).json();

/** A page of somebody who has logged in by the form. */
async function logIn(who, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(timeout);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  await page.goto(`${options.url ?? base}/`);
  await page.getByLabel("Token").fill(tokens[who]);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page;
}

async function picture(page, name) {
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

before(async () => {
  database = new pg.Client(DATABASE_URL);
  await database.connect();
  await run("sluice", ["init"]);
  writeFileSync(
    join(STATE, "tokens"),
    Object.keys(tokens).map((who) => `${who} ${roles[who]} ${digest(tokens[who])}\n`).join(""),
  );
  writeFileSync(
    join(STATE, "sluice.toml"),
    `[http]\nlisten = "127.0.0.1:0"\ntokens = "${join(STATE, "tokens")}"\nredact = ["/password"]\nproxies = ["127.0.0.1"]\n` +
      '[runtime]\npoll_interval = "20ms"\n[retry]\nmax_attempts = 1\n',
  );
  process.env.SLUICE_CONFIG = join(STATE, "sluice.toml");
  process.env.SLUICE_PLUGIN_DIR = join(STATE, "plugins");
  process.env.SLUICE_LOG_FORMAT = "json";
  runtime = await Daemon.start(["run"], "plugins loaded", { SLUICE_HTTP_LISTEN: "" });
  dashboard = await Daemon.start(["dashboard"], "serving the dashboard");
  base = dashboard.url();
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  await insert("ok", { do: "ok" });
  await insert("crash", { do: "crash", password: "rose", big: 1 });
  await sql(`UPDATE "Outbox" SET payload = '{"do": "crash", "password": "rose", "big": 12345678901234567890}' WHERE id = 'crash'`);
  await insert("fail", { do: "fail" });
  await insert("hostile", { do: '</script><script>alert(1)</script>\u202e\u001b[31m', "<b>": "x".repeat(1_000_000) });
  await insert("wrong", { to: 7, count: 3 }, "test.strict");
  await insert("lonely", {}, "pdf.generate");
  await insert("reversed-\u202etxt", { do: "ok" });
  await insert("follow-parent", { do: "enqueue", type: "test.other" });
  await becomes("follow-parent", "done");
  await becomes("ok", "done");
  for (const id of ["crash", "fail", "hostile", "wrong"]) await becomes(id, "error");
  await eventually("the minute is written", async () => (await json("/types")).types.some((type) => type.last_hour.done > 0));
});

after(async () => {
  await browser?.close();
  await dashboard?.stop();
  await runtime?.stop();
  await database?.end();
});

test("the first page says what is wrong, and why", async () => {
  const page = await logIn("chief");
  await page.getByRole("heading", { level: 1, name: /test\.probe fails: \d+ of \d+ jobs failed for good in the last (minute|hour), most with code/ }).waitFor();
  await page.getByRole("link", { name: "Failures", exact: true }).nth(1).waitFor();
  await picture(page, "now");
  const other = page.locator(".problems li", { hasText: /pdf\.generate stands still: no plugin has ever served it; 1 waits/ });
  await other.getByRole("link", { name: "Why?" }).click();
  await page.getByText("Is the type served?").waitFor();
  await picture(page, "why");
  assert.deepEqual(page.problems, []);
});

test("two clicks lead from the first page to the reason of a failed job", async () => {
  const page = await logIn("chief");
  await page.getByRole("link", { name: /was killed by signal/ }).first().click();
  await page.locator("pre.error", { hasText: "was killed by signal 11 (Segmentation fault)" }).waitFor();
  await page.getByText("Stack").click();
  await page.locator("details[open] pre", { hasText: "crash" }).waitFor();
  await picture(page, "job");
  const payload = await page.locator("pre.json").textContent();
  assert.match(payload, /"big": 12345678901234567890/, "numbers keep their digits");
  assert.match(payload, /"password": "\[redacted\]"/);
  assert.doesNotMatch(await page.content(), /rose/);
  assert.deepEqual(page.problems, []);
});

const giveUp = "/plan?action=give_up&status=error&group=1&type=test.probe&code=told-to-fail&message=told+to+fail&frame=";

test("every page can be read in light and dark, without faults of accessibility", async () => {
  const pages = ["/", "/types", "/types/test.probe", "/jobs", "/jobs/crash", "/failures", "/plugins", "/runtimes", "/operations", "/audit", "/why?q=lonely", "/plan?action=retry&status=error", "/jobs/hostile", "/jobs/follow-parent", "/types?name=test", "/types/test.strict?field.to=nobody&field.count=x", "/jobs/wrong", "/jobs?type=test.probe&type=test.strict&status=error&status=done", giveUp];
  for (const colorScheme of ["light", "dark"]) {
    const page = await logIn("chief", { colorScheme });
    for (const path of pages) {
      await page.goto(base + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await picture(page, `${path.replace(/\W+/g, "-").replace(/^-|-$/g, "") || "now"}-${colorScheme}`);
      const found = await page.evaluate(`${axeSource}; axe.run()`);
      assert.deepEqual(found.violations.map((one) => `${path}: ${one.id}: ${one.nodes[0].html}`), []);
    }
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
});

test("reading and acting work without a script", async () => {
  const page = await logIn("helper", { javaScriptEnabled: false });
  await page.goto(`${base}/jobs?status=error`);
  await page.getByRole("link", { name: "fail", exact: true }).click();
  await page.getByRole("button", { name: "Retry now" }).click();
  await page.getByRole("status").getByText("1 of 1 retried").waitFor();
  await becomes("fail", "error");
});

test("characters that are invisible or reorder text are spelled out, also by the script", async () => {
  for (const javaScriptEnabled of [false, true]) {
    const page = await logIn("chief", { javaScriptEnabled });
    for (const path of ["/jobs/hostile", "/jobs?type=test.probe", "/failures", "/audit", "/"]) {
      await page.goto(base + path);
      assert.doesNotMatch(await page.locator("main").innerText(), /[\u202a-\u202e\u2066-\u2069\u200b]/, path);
    }
    await page.goto(`${base}/jobs/hostile`);
    assert.match(await page.locator("pre.json").first().textContent(), /\\u202e/);
    await page.goto(`${base}/jobs?type=test.probe`);
    await page.getByRole("link", { name: "reversed-\\u{202e}txt" }).click();
    await page.getByRole("heading", { name: "Job reversed-\\u{202e}txt" }).waitFor();
    await picture(page, "bidi");
    await page.context().close();
  }
});

test("a job and its follow-ups are linked both ways", async () => {
  const page = await logIn("viewer", { javaScriptEnabled: false });
  await page.goto(`${base}/jobs/follow-parent`);
  await page.getByRole("heading", { name: "Follow-up jobs" }).waitFor();
  await page.locator("tbody a").first().click();
  await page.getByText("Follow-up of").waitFor();
  await page.getByRole("link", { name: "follow-parent" }).click();
  await page.getByRole("heading", { name: "Job follow-parent" }).waitFor();
});

test("a type shows the limits in force, a plugin its hosts, and a runtime that is fenced is marked", async () => {
  const page = await logIn("chief", { javaScriptEnabled: false });
  await page.goto(`${base}/types/test.probe`);
  await page.getByText(/Limits in force: 1 attempts, backoff 10 s to 1 h/).waitFor();
  await page.goto(`${base}/plugins`);
  await eventually("the host is measured", async () => (await json("/plugins")).runtimes[0].plugins[0].each_host.some((one) => one.resident_bytes > 0));
  await page.reload();
  await page.getByText(/Files and hosts of runtime/).first().click();
  await page.getByRole("row", { name: /probe \d+ 1\.2\.3 ready/ }).first().waitFor();
  await page.getByRole("row", { name: /probe 1\.2\.3 1\.\d+ [0-9a-f]{64}/ }).first().waitFor();
  await picture(page, "plugins-hosts");
  const lost = (await sql(`INSERT INTO sluice.runtime (host, pid, version, command, beat_at, lease) VALUES ('gone', 42, '0', 'lost', now() - interval '1 h', '2 s') RETURNING id`)).rows[0].id;
  await page.goto(`${base}/runtimes`);
  await page.getByRole("row", { name: new RegExp(`^${lost} gone.*fenced`) }).waitFor();
  await sql(`DELETE FROM sluice.runtime WHERE id = $1`, [lost]);
});

test("a count beyond 10k is made exact by a button", async () => {
  await sql(`INSERT INTO "Outbox" (id, type, payload, status, "updatedAt") SELECT 'c' || i, 'test.counted', '{}', 'done', now() FROM generate_series(1, 10500) i`);
  const page = await logIn("viewer", { javaScriptEnabled: false });
  await page.goto(`${base}/jobs?type=test.counted&status=done`);
  await page.getByText(/≥ [\d,]+k? match\./).waitFor();
  await page.getByRole("link", { name: "Count exactly" }).click();
  await page.getByText("10,500 match.").waitFor();
  assert.equal(await page.getByRole("link", { name: "Count exactly" }).count(), 0);
  await sql(`DELETE FROM "Outbox" WHERE type = 'test.counted'`);
});

test("a job is deleted only if that is meant, from its page and from a list", async () => {
  for (const id of ["gone-1", "gone-2"]) await insert(id, {}, "pdf.generate");
  const page = await logIn("chief", { javaScriptEnabled: false });
  await page.goto(`${base}/jobs/gone-1`);
  await page.getByText("Delete…").click();
  await page.getByRole("button", { name: "Delete" }).click();
  assert.equal((await api("/jobs/gone-1")).status, 200, "the box was not ticked");
  await page.getByLabel("Yes, delete job gone-1").check();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("status").getByText("1 of 1 deleted").waitFor();
  await page.goto(`${base}/jobs?type=pdf.generate`);
  await page.getByLabel("Choose gone-2").check();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("needs sure=yes").waitFor();
  await page.goto(`${base}/jobs?type=pdf.generate`);
  await page.getByLabel("Choose gone-2").check();
  await page.getByLabel("Yes, delete them for good").check();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("status").getByText("1 of 1 deleted").waitFor();
  assert.equal((await api("/jobs/lonely")).status, 200);
});

test("two dashboards of a host keep each other's sessions, and a log-out ends all tabs of one", async () => {
  const other = await Daemon.start(["dashboard"], "serving the dashboard");
  const page = await logIn("chief");
  const second = await page.context().newPage();
  await second.goto(`${other.url()}/`);
  await second.getByLabel("Token").fill(tokens.chief);
  await second.getByRole("button", { name: "Log in" }).click();
  await second.getByRole("heading", { level: 1, name: /./ }).waitFor();
  const tab = await page.context().newPage();
  await tab.goto(`${base}/types`);
  await tab.locator("#live").waitFor({ state: "visible" });
  await page.goto(`${base}/types`);
  await page.getByRole("heading", { level: 1, name: "Types" }).waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Token").waitFor();
  await tab.bringToFront();
  await tab.getByLabel("Token").waitFor();
  await second.goto(`${other.url()}/types`);
  await second.getByRole("heading", { level: 1, name: "Types" }).waitFor();
  await page.context().close();
  await other.stop();
});

test("a lock on the table is named, and the rest of the page stands", async () => {
  const application = new pg.Client({ connectionString: DATABASE_URL, application_name: "backup" });
  await application.connect();
  await application.query(`BEGIN; LOCK TABLE "Outbox" IN ACCESS EXCLUSIVE MODE`);
  try {
    const page = await logIn("viewer", { javaScriptEnabled: false });
    await page.goto(base);
    await page.getByRole("heading", { level: 1, name: /backup.*holds a lock/ }).waitFor();
    await page.getByRole("heading", { name: "Top failures" }).waitFor();
    await page.getByRole("cell", { name: "test.probe" }).first().waitFor();
    await picture(page, "locked");
    await page.goto(`${base}/jobs/ok`);
    await page.getByText(/backup.*holds a lock/).waitFor();
  } finally {
    await application.query("ROLLBACK");
    await application.end();
  }
});

test("what a plugin or a payload says is data", async () => {
  const page = await logIn("chief");
  await page.goto(`${base}/jobs/hostile`);
  await page.locator("pre.error", { hasText: "</script>" }).waitFor();
  await page.goto(`${base}/failures`);
  await page.getByText("</script><script>alert(#)</script>").first().waitFor();
  assert.deepEqual(page.problems, []);
});

test("jobs are found by status, payload and text, and shown in pages", async () => {
  for (let i = 0; i < 120; ++i) await insert(`many-${i}`, { do: "ok", user: { id: i } });
  await becomes("many-119", "done");
  const page = await logIn("chief");
  await page.goto(`${base}/jobs?type=test.probe`);
  const ids = new Set();
  for (;;) {
    for (const id of await page.locator("tbody tr td:nth-child(2)").allTextContents()) {
      assert.ok(!ids.has(id), `${id} is shown twice`);
      ids.add(id);
    }
    const next = page.getByRole("link", { name: "Next page" });
    if ((await next.count()) === 0) break;
    await next.click();
    await page.getByRole("heading", { level: 1 }).waitFor();
  }
  for (let i = 0; i < 120; ++i) assert.ok(ids.has(`many-${i}`));
  await page.getByLabel("Payload").fill("user.id = 77");
  await page.getByLabel("Column").fill("user.id");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("link", { name: "many-77" }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  const hidden = await api("/jobs?where=password%3Drose");
  assert.equal(hidden.status, 403, "nobody can guess a redacted value by searching");
});

test("roles limit what one may do and see", async () => {
  assert.equal((await fetch(`${base}/api/v1/now`)).status, 401);
  assert.equal((await api("/jobs/fail/retry", "viewer", { method: "POST" })).status, 403);
  assert.equal((await api("/jobs/fail", "helper", { method: "DELETE" })).status, 403);
  assert.equal((await api("/audit", "helper")).status, 403);
  assert.equal((await api("/jobs?text=a", "helper")).status, 403, "a search in payloads would tell what is in them");
  assert.equal((await json("/jobs/crash", "viewer")).payload, undefined);
  assert.equal((await json("/jobs/crash", "chief")).payload.do, "crash");
  const page = await logIn("viewer");
  await page.goto(`${base}/jobs/fail`);
  await page.getByText("does not have the right to see payloads").waitFor();
  assert.equal(await page.getByRole("button", { name: "Retry now" }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "Audit" }).count(), 0);
});

test("a page of another site can't use a session", async () => {
  const page = await logIn("chief");
  const cookies = (await page.context().cookies()).map((one) => `${one.name}=${one.value}`).join("; ");
  for (const headers of [{ Origin: "http://evil.example" }, { "Sec-Fetch-Site": "cross-site" }, {}]) {
    const answer = await fetch(`${base}/jobs/fail/delete`, { method: "POST", headers: { Cookie: cookies, ...headers }, redirect: "manual" });
    assert.equal(answer.status, 403, JSON.stringify(headers));
  }
  const [session] = (await page.context().cookies()).filter((one) => one.name.startsWith("sluice_session_"));
  assert.ok(session.httpOnly && session.sameSite === "Strict");
});

test("many jobs are counted first, then changed, and the change can be followed", async () => {
  for (let i = 0; i < 40; ++i) await insert(`bulk-${i}`, { do: "fail" });
  await becomes("bulk-39", "error");
  await eventually("all have failed", async () => (await sql(`SELECT count(*) FROM "Outbox" WHERE id LIKE 'bulk-%' AND status = 'error'`)).rows[0].count === "40");
  await sql(`UPDATE "Outbox" SET payload = '{"do": "ok"}' WHERE id LIKE 'bulk-%'`);
  const page = await logIn("helper");
  await page.goto(`${base}/jobs?status=error&code=told-to-fail`);
  await page.getByRole("link", { name: "retry" }).click();
  await page.getByRole("button", { name: /retry \d+ jobs/ }).click();
  await page.getByRole("status").getByText(/Operation \d+ started/).waitFor();
  await page.locator("tbody").getByText("over").first().waitFor();
  await picture(page, "operations");
  await eventually("all are done", async () => (await sql(`SELECT count(*) FROM "Outbox" WHERE id LIKE 'bulk-%' AND status = 'done'`)).rows[0].count === "40");
});

test("a group of failures is given up or retried, and no other job", async () => {
  for (const id of ["group-1", "group-2"]) await insert(id, { do: "fail" });
  for (const id of ["group-1", "group-2"]) await becomes(id, "error");
  await sql(`INSERT INTO sluice.schedule (job_id, status, due) VALUES ('group-1', 'error', now() + interval '1 h')`);
  const page = await logIn("helper", { javaScriptEnabled: false });
  await page.goto(`${base}/failures`);
  const group = page.locator("tr", { hasText: "told-to-fail" });
  await group.getByRole("link", { name: /Give up/ }).click();
  await page.getByRole("heading", { name: "give up 1 jobs?" }).waitFor();
  await page.getByText("To give up means").waitFor();
  await page.getByRole("button", { name: "give up 1 jobs" }).click();
  assert.equal((await json("/operations")).operations.filter((one) => one.action === "give_up").length, 0, "the box was not ticked");
  await page.getByLabel(/Yes, give up 1 jobs/).check();
  await page.getByRole("button", { name: "give up 1 jobs" }).click();
  await page.getByRole("status").getByText(/Operation \d+ started/).waitFor();
  await eventually("it is given up", async () => (await sql(`SELECT 1 FROM sluice.attempt WHERE job_id = 'group-1' AND code = 'cancelled-by-hand'`)).rows.length === 1);
  assert.equal((await sql(`SELECT 1 FROM sluice.schedule WHERE job_id = 'group-1'`)).rows.length, 0);
  await sql(`UPDATE "Outbox" SET payload = '{"do": "ok"}' WHERE id = 'group-2'`);
  await page.goto(`${base}/failures`);
  await group.getByRole("link", { name: /Retry/ }).click();
  await page.getByRole("button", { name: /retry \d+ jobs/ }).click();
  await becomes("group-2", "done");
  assert.equal((await sql(`SELECT status FROM "Outbox" WHERE id = 'group-1'`)).rows[0].status, "error");
});

test("a type shows its owner, the versions that ran, and its last hour", async () => {
  const page = await logIn("viewer", { javaScriptEnabled: false });
  await page.goto(`${base}/types`);
  const row = page.locator("tr", { has: page.getByRole("link", { name: "test.probe", exact: true }) });
  await row.getByText("probe 1.2.3").waitFor();
  await row.getByRole("img", { name: /Done in each minute of the last hour: at most \d+/ }).waitFor();
  await page.goto(`${base}/types/test.probe`);
  await page.getByRole("heading", { name: "Versions that ran" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Enqueue" }).count(), 0);
});

test("a test job is made by a form of the type's schema, which says at the field what is wrong", async () => {
  for (const javaScriptEnabled of [false, true]) {
    const page = await logIn("helper", { javaScriptEnabled });
    await page.goto(`${base}/types/test.strict`);
    await page.getByLabel("to (required)").fill("nobody");
    await page.getByLabel("count").fill("many");
    await page.getByRole("button", { name: "Enqueue" }).first().click();
    await page.locator("#p-count", { hasText: "expected a whole number" }).waitFor();
    await page.getByLabel("count").fill("3");
    await page.getByRole("button", { name: "Enqueue" }).first().click();
    await page.locator("#p-to", { hasText: "expected a string that matches" }).waitFor();
    assert.equal(await page.getByLabel("to (required)").inputValue(), "nobody");
    await page.getByLabel("to (required)").fill("ada@example.com");
    await page.getByRole("button", { name: "Enqueue" }).first().click();
    await page.getByRole("status").getByText(/Job \S+ enqueued/).waitFor();
  }
  await eventually("both are done", async () => (await sql(`SELECT 1 FROM "Outbox" WHERE type = 'test.strict' AND status = 'done'`)).rows.length === 2);
});

test("a payload is shown with what the schema finds, and a job can be taken home", async () => {
  const page = await logIn("chief");
  await page.goto(`${base}/jobs/wrong`);
  await page.locator("pre.json strong", { hasText: "expected a string, found a number" }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Take it home" }).click()]);
  assert.equal(download.suggestedFilename(), "wrong.json");
  assert.equal(JSON.parse(readFileSync(await download.path(), "utf8")).payload.to, 7);
  assert.equal((await api("/jobs/wrong/repro", "helper")).status, 403);
});

test("several types, statuses and conditions are searched at once", async () => {
  const page = await logIn("chief", { javaScriptEnabled: false });
  await page.goto(`${base}/jobs`);
  await page.getByLabel("Type", { exact: true }).fill("test.strict");
  await page.getByLabel("error", { exact: true }).check();
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("link", { name: "wrong" }).waitFor();
  await page.getByLabel("Type", { exact: true }).last().fill("pdf.generate");
  await page.getByLabel("pending", { exact: true }).check();
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("link", { name: "lonely", exact: true }).waitFor();
  await page.getByRole("link", { name: "wrong" }).waitFor();
  assert.equal(await page.getByLabel("Type", { exact: true }).count(), 3, "there is room for one more");
  await page.getByLabel("Payload", { exact: true }).fill("to = 7");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByLabel("Payload", { exact: true }).last().fill("count = 3");
  await page.getByRole("button", { name: "Search" }).click();
  assert.equal(await page.locator("tbody tr").count(), 1);
});

test("a reload is asked for twice, shows its result, and is marked in the charts", async () => {
  const page = await logIn("chief", { javaScriptEnabled: false });
  await page.goto(`${base}/plugins`);
  await page.getByText("Reload…").click();
  await page.getByRole("button", { name: "Reload", exact: true }).click();
  assert.equal((await json("/plugins")).last_reload, undefined, "the box was not ticked");
  await page.getByLabel("Yes, reload all runtimes on this machine").check();
  await page.getByRole("button", { name: "Reload", exact: true }).click();
  await page.getByRole("status").waitFor();
  await eventually("it is over", async () => (await json("/plugins")).last_reload?.over);
  await page.reload();
  await page.getByText("nothing has changed").waitFor();
  await picture(page, "reload");
  await page.getByText("Roll back…").click();
  await page.getByLabel("Yes, roll back in all runtimes on this machine").check();
  await page.getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("status").waitFor();
  await eventually("it is over", async () => {
    const last = (await json("/plugins")).last_reload;
    return last.what === "rollback" && last.over;
  });
  await page.reload();
  await page.getByText("no plugin was replaced since the start").waitFor();
  await page.goto(`${base}/`);
  await page.locator(".marks li", { hasText: "reload" }).waitFor();
  assert.equal((await api("/plugins/reload", "helper", { method: "POST", body: "sure=yes" })).status, 403);
  const viewer = await logIn("helper");
  await viewer.goto(`${base}/plugins`);
  assert.equal(await viewer.getByText("Reload…").count(), 0);
  await viewer.goto(`${base}/`);
  await viewer.locator(".uplot canvas").waitFor();
  await picture(viewer, "marks");
  assert.deepEqual(viewer.problems, []);
});

test("runtimes that differ are compared, and one is drained", async () => {
  const second = await Daemon.start(["run"], "plugins loaded", { SLUICE_HTTP_LISTEN: "", SLUICE_RETRY_MAX_ATTEMPTS: "7" });
  const id = (await sql(`SELECT max(id) AS id FROM sluice.runtime`)).rows[0].id;
  await eventually("it is described", async () => (await json("/runtimes")).differences.some((one) => one.key === "retry.max_attempts"));
  const page = await logIn("chief");
  await page.goto(`${base}/runtimes`);
  await page.getByRole("row", { name: /retry.max_attempts/ }).waitFor();
  await page.getByText(`Drain runtime ${id}…`).click();
  await page.getByLabel(`Yes, drain runtime ${id}`).check();
  await picture(page, "drain");
  const exit = once(second.process, "exit");
  await page.getByRole("button", { name: "Drain" }).click();
  await page.getByRole("status").getByText(`Runtime ${id} claims no more jobs`).waitFor();
  assert.equal((await exit)[0], 0);
  assert.deepEqual(page.problems, []);
});

test("two tabs stay up to date by themselves", async () => {
  const first = await logIn("chief");
  const second = await first.context().newPage();
  await second.goto(`${base}/jobs/later`).catch(() => {});
  await second.goto(`${base}/types`);
  await first.locator("#live").waitFor({ state: "visible" });
  await second.locator("#live").waitFor({ state: "visible" });
  const waiting = async (page) => page.locator("tr", { hasText: "pdf.generate" }).locator("td").nth(4).textContent();
  await first.goto(`${base}/types`);
  const before = await waiting(first);
  await insert("lonely-2", {}, "pdf.generate");
  for (const page of [first, second]) {
    await page.bringToFront();
    await eventually("the tab shows one more", async () => Number(await waiting(page)) === Number(before) + 1);
  }
  assert.deepEqual([...first.problems], []);
});

test("the page works behind a proxy that adds a prefix", async () => {
  const proxy = createServer((asked, answer) => {
    const onward = forward(`${base}${asked.url.replace(/^\/ops\/sluice/, "")}`, { method: asked.method, headers: { ...asked.headers, "X-Forwarded-Prefix": "/ops/sluice", "X-Forwarded-Host": asked.headers.host } }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    asked.pipe(onward);
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  try {
    const page = await logIn("helper", { url: `http://127.0.0.1:${proxy.address().port}/ops/sluice` });
    await page.getByRole("link", { name: "Types" }).click();
    await page.waitForURL(/\/ops\/sluice\/types$/);
    await page.goto(`http://127.0.0.1:${proxy.address().port}/ops/sluice/jobs/fail`);
    await page.getByRole("button", { name: "Retry now" }).click();
    await page.getByRole("status").getByText("retried").waitFor();
    assert.match(page.url(), /\/ops\/sluice\/jobs\/fail$/);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  } finally {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  }
});

test("the API answers what its description says", async () => {
  const description = await json("/openapi.json");
  const ajv = new Ajv({ strict: false });
  ajv.addSchema({ $id: "api", components: description.components });
  const check = (schema, value, where) => {
    const holds = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll("#/components", "api#/components")));
    assert.ok(holds(value), `${where}: ${JSON.stringify(holds.errors)}`);
  };
  const questions = { "/types/{type}": "/types/test.probe", "/jobs/{id}": "/jobs/crash", "/operations/{number}": "/operations/1", "/plan": "/plan?action=retry&status=error", "/why": "/why?q=crash", "/jobs": "/jobs?column=do&limit=2", "/jobs/{id}/repro": "/jobs/crash/repro" };
  let asked = 0;
  for (const [path, item] of Object.entries(description.paths)) {
    if (item.get?.responses[200].content["application/json"] === undefined) continue;
    const answer = await api(questions[path] ?? path);
    assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
    check(item.get.responses[200].content["application/json"].schema, await answer.json(), path);
    ++asked;
  }
  assert.ok(asked >= 12);
  for (const [path, status] of [["/jobs/absent", 404], ["/jobs?attempts=x", 400], ["/nothing", 404], ["/types/absent", 404], ["/operations/99", 404], ["/plan?action=burn", 400], ["/now?range=2y", 400], ["/now?rnage=1h", 400], ["/jobs?limit=1&limit=2", 400], ["/jobs/%ff", 400]]) {
    const answer = await api(path);
    assert.equal(answer.status, status, path);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    check(description.components.schemas.Problem, await answer.json(), path);
  }
});

test("a database that goes away is named, and the page comes back with it", async () => {
  const page = await logIn("chief");
  await database.end();
  await run(SERVER_SCRIPT, ["stop", join(STATE, "postgres")]);
  await page.goto(`${base}/types`);
  await page.getByRole("heading", { level: 1, name: "Not possible" }).waitFor();
  assert.equal((await api("/types")).status, 503);
  await run(SERVER_SCRIPT, ["start", join(STATE, "postgres")]);
  await eventually("the page is back", async () => (await api("/types")).status === 200);
  await page.goto(`${base}/types`);
  await page.getByRole("link", { name: "test.probe" }).waitFor();
  database = new pg.Client(DATABASE_URL);
  await database.connect();
});
