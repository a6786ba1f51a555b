// One open page: a response of server-sent events. The row's id is the event's id, which a browser that
// reconnects gives back as Last-Event-ID.

export class Feed {
  #response;
  #sent = new Set();
  #newest; // what the page has seen, also before this connection

  /** `lastEventId`: of the request's header; null when the page has seen nothing. */
  constructor(response, userId, lastEventId) {
    this.#response = response;
    this.userId = userId;
    this.#newest = lastEventId;
    response.on("error", () => {}); // what is written after the end, for a page that is gone, is dropped
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no", // nginx would collect events otherwise
    });
    response.write("retry: 1000\n\n"); // milliseconds until the browser connects again
  }

  /** Sends the rows that were not sent yet: an announcement and a look into the table may bring the same. */
  send(rows) {
    for (const row of rows) {
      if (this.#sent.has(row.id)) continue;
      this.#sent.add(row.id);
      if (this.#newest === null || BigInt(row.id) > BigInt(this.#newest)) this.#newest = row.id;
      this.#event("notification", {
        id: row.id,
        type: row.type,
        message: row.message,
        createdAt: row.created_at,
        read: row.read_at !== null,
      }, row.id);
    }
  }

  /** Sends what the table has and the page has not. */
  async catchUp(inbox) {
    this.send(await inbox.missed(this.userId, this.#newest));
  }

  sendRead(ids) {
    this.#event("read", { ids });
  }

  sendState(live) {
    this.#event("state", { live });
  }

  /** A comment, so that nobody on the way takes the connection for idle. */
  beat() {
    this.#response.write(":\n\n");
  }

  end() {
    this.#response.end();
  }

  // JSON has no line breaks, so that it is one line of data.
  #event(name, data, id) {
    this.#response.write(`event: ${name}\n${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(data)}\n\n`);
  }
}
