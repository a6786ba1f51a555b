// The notifications in PostgreSQL: reads sluice.notification and hears of new rows with LISTEN.
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const channel = "sluice_notification"; // as configured for the plugin, like the table
const columns = "id, type, message, created_at, read_at"; // id is a bigint, which pg gives as text

const connection = {
  connectionString: process.env.DATABASE_URL,
  application_name: "notifications-web",
  connectionTimeoutMillis: 5_000,
  query_timeout: 10_000, // a network that swallows packets counts as a lost connection, too
  keepAlive: true,
};

/**
 * Emits "announced" with {jobId, userId} for each new notification, "listening" whenever it begins to hear
 * of them, and "lost" when it no longer does. What came in between has to be read from the table.
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

  /** Listens until close(), over as many connections as it takes. */
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

  /** Ends when the connection does, which is always an error. */
  async #listenOnce(succeeded) {
    const client = new pg.Client(connection);
    this.#listener = client;
    const lost = new Promise((_, reject) => {
      client.on("error", reject);
      client.on("end", () => reject(new Error("the connection was closed")));
    });
    lost.catch(() => {}); // also while nobody waits for it yet
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
      console.error(`heard what is no notification on ${channel}:`, error.message);
    }
  }

  /** The row of one announcement; undefined for what was not addressed to that user. */
  async ofJob(userId, jobId) {
    const { rows } = await this.#pool.query(
      `SELECT ${columns} FROM sluice.notification WHERE job_id = $1 AND user_id = $2`,
      [jobId, userId],
    );
    return rows[0];
  }

  /**
   * What is unread, and all that is newer than `seen`, the oldest first. The newest id that was seen is not
   * enough to ask by: ids are given out before their rows are committed, so a smaller one may appear later.
   */
  async missed(userId, seen) {
    const { rows } = await this.#pool.query(
      `SELECT ${columns} FROM sluice.notification
       WHERE user_id = $1 AND (read_at IS NULL OR id > $2::bigint) ORDER BY id`,
      [userId, seen],
    );
    return rows;
  }

  /** Those that it found unread. */
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
