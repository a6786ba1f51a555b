// Shows a user's notifications in the browser as they arrive.
//
//   GET  /                  the page
//   GET  /events?userId=    its notifications, as server-sent events
//   POST /read              {"userId", "ids"}: marks them read
//
// The query names the user, which is only for trying this example. An application takes the user from its session.
import { readFile } from "node:fs/promises";
import http from "node:http";
import { Feed } from "./feed.mjs";
import { Inbox } from "./inbox.mjs";

const port = Number(process.env.PORT ?? 3000);
const host = "127.0.0.1";
const heartbeat = 15_000; // milliseconds
const longestBody = 65_536; // bytes

const files = {
  "/": ["index.html", "text/html"],
  "/page.js": ["page.js", "text/javascript"],
  "/page.css": ["page.css", "text/css"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
};

const inbox = new Inbox();
const feeds = new Set();

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// ---- Sending to the pages ---------------------------------------------------------------------------

const feedsOf = (userId) => [...feeds].filter((feed) => feed.userId === userId);

function report(error) {
  console.error("could not read notifications, will try again when the database is back:", error.message);
}

inbox.on("announced", async ({ jobId, userId }) => {
  if (userId === undefined) {
    // The announcement would have been too long with the user's id.
    for (const feed of feeds) feed.catchUp(inbox).catch(report);
    return;
  }
  const open = feedsOf(userId);
  if (open.length === 0) return;
  try {
    // The announcement has neither the id nor a long message.
    const row = await inbox.ofJob(userId, jobId);
    if (row) for (const feed of open) feed.send([row]);
  } catch (error) {
    report(error);
  }
});

inbox.on("listening", () => {
  for (const feed of feeds) {
    feed.sendState(true);
    feed.catchUp(inbox).catch(report);
  }
});

inbox.on("lost", () => {
  for (const feed of feeds) feed.sendState(false);
});

// ---- Requests of the pages --------------------------------------------------------------------------

function userOf(userId) {
  if (typeof userId !== "string" || userId === "" || userId.includes("\0")) throw new Refusal(400, "userId is missing");
  return userId;
}

async function sendFile([name, type], response) {
  const content = await readFile(new URL(`public/${name}`, import.meta.url));
  response.writeHead(200, {
    "Content-Type": `${type}; charset=utf-8`,
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
  });
  response.end(content);
}

async function openFeed(request, response, url) {
  const userId = userOf(url.searchParams.get("userId"));
  const seen = request.headers["last-event-id"] ?? "";
  const feed = new Feed(response, userId, /^\d{1,18}$/.test(seen) ? seen : null);
  // The feed is added before the table is read, so an announcement covers rows that are committed in between.
  feeds.add(feed);
  response.on("close", () => feeds.delete(feed));
  feed.sendState(inbox.listening);
  await feed.catchUp(inbox).catch(report);
}

async function jsonOf(request) {
  // The browser does not let a page of another origin send this type without a preflight request.
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) throw new Refusal(415, "JSON is expected");
  const parts = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes > longestBody) throw new Refusal(413, `more than ${longestBody} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    throw new Refusal(400, "the body is not valid JSON");
  }
}

async function markRead(request, response) {
  const { userId, ids } = (await jsonOf(request)) ?? {};
  if (!Array.isArray(ids) || !ids.every((id) => /^\d{1,18}$/.test(id))) throw new Refusal(400, "ids are missing");
  const marked = await inbox.markRead(userOf(userId), ids);
  for (const feed of feedsOf(userId)) feed.sendRead(marked); // also to the user's other tabs
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ ids: marked }));
}

async function respond(request, response) {
  const url = new URL(request.url, "http://localhost");
  const route = `${request.method} ${url.pathname}`;
  if (route === "GET /events") return openFeed(request, response, url);
  if (route === "POST /read") return markRead(request, response);
  if (request.method === "GET" && Object.hasOwn(files, url.pathname)) return sendFile(files[url.pathname], response);
  throw new Refusal(404, "no such page");
}

const server = http.createServer((request, response) => {
  respond(request, response).catch((error) => {
    if (!(error instanceof Refusal)) console.error(`${request.method} ${request.url}:`, error.message);
    if (response.headersSent) return response.end();
    response.writeHead(error.status ?? 500, { "Content-Type": "text/plain; charset=utf-8" });
    response.end(`${error instanceof Refusal ? error.message : "something went wrong"}\n`);
  });
});

// ---- Start and stop ---------------------------------------------------------------------------------

if (!process.env.DATABASE_URL) {
  console.error("DATABASE_URL is not set; with the quickstart's database: . build/quickstart/env");
  process.exit(2);
}

const beats = setInterval(() => feeds.forEach((feed) => feed.beat()), heartbeat);

async function stop() {
  clearInterval(beats);
  server.close();
  for (const feed of feeds) feed.end();
  server.closeAllConnections(); // including those that browsers open in advance
  await inbox.close();
}
process.once("SIGINT", stop);
process.once("SIGTERM", stop);

server.listen(port, host, () => {
  console.log(`http://${host}:${server.address().port}/?userId=user-123`);
});
inbox.listen();
