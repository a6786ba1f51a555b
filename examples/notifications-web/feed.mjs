// One open page: a response of server-sent events. The row's id is the event's id. A browser that reconnects sends the
// last id back as Last-Event-ID.

export class Feed {
  #response;
  #sent = new Set();
  #newest; // the newest id that the page has seen, on this connection or an earlier one

  /** `lastEventId`: from the request's header; null if the page has seen no event. */
  constructor(response, userId, lastEventId) {
    this.#response = response;
    this.userId = userId;
    this.#newest = lastEventId;
    response.on("error", () => {}); // ignores errors of writing to a page that is gone
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no", // otherwise nginx would buffer events
    });
    response.write("retry: 1000\n\n"); // milliseconds before the browser reconnects
  }

  /** Sends the rows that were not sent yet. An announcement and a read of the table may bring the same row. */
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

  /** Sends the rows of the table that the page does not have. */
  async catchUp(inbox) {
    this.send(await inbox.missed(this.userId, this.#newest));
  }

  sendRead(ids) {
    this.#event("read", { ids });
  }

  sendState(live) {
    this.#event("state", { live });
  }

  /** Sends a comment, so that proxies do not consider the connection idle. */
  beat() {
    this.#response.write(":\n\n");
  }

  end() {
    this.#response.end();
  }

  // The JSON has no line breaks, so it is one line of data.
  #event(name, data, id) {
    this.#response.write(`event: ${name}\n${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(data)}\n\n`);
  }
}
