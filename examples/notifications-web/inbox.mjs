// The notifications in PostgreSQL: reads sluice.notification, and is notified of new rows with LISTEN.
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const channel = "sluice_notification"; // the default of the plugin's configuration, like the table
const columns = "id, type, message, created_at, read_at"; // pg returns the bigint id as text

const connection = {
  connectionString: process.env.DATABASE_URL,
  application_name: "notifications-web",
  connectionTimeoutMillis: 5_000,
  query_timeout: 10_000, // if the network drops packets silently, the connection counts as lost
  keepAlive: true,
};

/**
 * Emits "announced" with {jobId, userId} for each new notification, "listening" whenever it starts to listen, and
 * "lost" when it no longer listens. Notifications that came in between must be read from the table.
 */
export class Inbox extends EventEmitter {
  #pool = new pg.Pool({ ...connection, max: 4 });
  #listener = null;
  #closed = new AbortController();
  listening = false;

  constructor() {
    super();
    this.#pool.on("error", (error) => console.error("an idle database connection was lost:", error.message));
  }

  /** Listens until close(). Connects again whenever the connection is lost. */
  async listen() {
    const { signal } = this.#closed;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#listenOnce(() => (failures = 0));
      } catch (error) {
        if (signal.aborted) return;
        console.error("not listening, trying again:", error.message);
      }
      await sleep(Math.min(100 * 2 ** failures, 5_000), null, { signal }).catch(() => {});
    }
  }

  /** Listens until the connection ends. Always rejects. */
  async #listenOnce(succeeded) {
    const client = new pg.Client(connection);
    this.#listener = client;
    const lost = new Promise((_, reject) => {
      client.on("error", reject);
      client.on("end", () => reject(new Error("the connection was closed")));
    });
    lost.catch(() => {}); // avoids an unhandled rejection before `await lost`
    client.on("notification", ({ payload }) => this.#announce(payload));
    const probe = setInterval(() => client.query("SELECT 1").catch((error) => client.emit("error", error)), 15_000);
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      succeeded();
      this.listening = true;
      this.emit("listening");
      await lost;
    } finally {
      clearInterval(probe);
      client.end().catch(() => {});
      if (this.listening) {
        this.listening = false;
        this.emit("lost");
      }
    }
  }

  #announce(payload) {
    try {
      this.emit("announced", JSON.parse(payload));
    } catch (error) {
      console.error(`received an invalid notification on ${channel}:`, error.message);
    }
  }

  /** The row of one announcement; undefined if it is not for that user. */
  async ofJob(userId, jobId) {
    const { rows } = await this.#pool.query(
      `SELECT ${columns} FROM sluice.notification WHERE job_id = $1 AND user_id = $2`,
      [jobId, userId],
    );
    return rows[0];
  }

  /**
   * The unread rows, and all rows newer than `seen`, oldest first. Rows newer than `seen` are not enough: an id is
   * assigned before its row is committed, so a smaller id may appear later.
   */
  async missed(userId, seen) {
    const { rows } = await this.#pool.query(
      `SELECT ${columns} FROM sluice.notification
       WHERE user_id = $1 AND (read_at IS NULL OR id > $2::bigint) ORDER BY id`,
      [userId, seen],
    );
    return rows;
  }

  /** Marks the rows as read. Returns the ids of those that were unread. */
  async markRead(userId, ids) {
    const { rows } = await this.#pool.query(
      `UPDATE sluice.notification SET read_at = now()
       WHERE user_id = $1 AND id = ANY ($2::bigint[]) AND read_at IS NULL RETURNING id`,
      [userId, ids],
    );
    return rows.map((row) => row.id);
  }

  async close() {
    this.#closed.abort();
    await Promise.allSettled([this.#listener?.end(), this.#pool.end()]);
  }
}
