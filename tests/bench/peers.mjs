// Fills another job queue with no-op jobs, or runs them.
//
//   node peers.mjs fill graphile-worker|pg-boss JOBS
//   node peers.mjs drain graphile-worker|pg-boss JOBS
//
// DATABASE_URL names the database, an empty one for `fill`. `drain` ends when JOBS of those that wait are finished.
// It prints "begin", then a line of JSON: {jobs, seconds, cpu_seconds}, of the run alone; behind both it waits for a
// line, so that what the server and it have spent can be read meanwhile.
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { connectionString, graphileWorker, migrateGraphileWorker, pgBoss } from './queues.mjs';

const [action, peer, count] = process.argv.slice(2);
const jobs = Number(count);
const pool = new pg.Pool({ connectionString, max: 2 });
const number = async (sql) => Number((await pool.query(sql)).rows[0].n);
const payload = `json_build_object('n', i, 'to', 'user@example.com', 'subject', 'hello')`;

async function told(line) {
  console.log(line);
  await once(process.stdin, 'data');
}

async function measured(run) {
  await told('begin');
  const cpu = process.cpuUsage();
  const begun = process.hrtime.bigint();
  await run();
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  await told(JSON.stringify({ jobs, seconds, cpu_seconds: (user + system) / 1e6 }));
}

async function fillGraphileWorker() {
  await migrateGraphileWorker('noop', 'stamp');
  await pool.query('DELETE FROM graphile_worker._private_jobs');
  await pool.query(
    `INSERT INTO graphile_worker._private_jobs (task_id, payload)
     SELECT t.id, ${payload}
     FROM graphile_worker._private_tasks t, generate_series(1, $1::int) i WHERE t.identifier = 'noop'`, [jobs]);
}

async function drainGraphileWorker() {
  const waiting = `SELECT count(*) AS n FROM graphile_worker._private_jobs`;
  const all = (await number(waiting)) === jobs;
  let runner, release;
  const released = new Promise((resolve) => { release = resolve; });
  await measured(async () => {
    let ran = 0;
    // Those that are left for later are held up when they come.
    runner = await graphileWorker('batched', { noop: () => (++ran > jobs ? released : undefined) });
    // A finished job is deleted; to ask before all have run would only cost it time, and so would a count of
    // those that are left for later.
    for (let left = 1; left > 0; await pause(10)) {
      if (ran >= jobs) left = all ? await number(waiting) : 0;
    }
  });
  release();
  await runner.stop();
}

// One job that its own insert has made is copied, with all that stands in its columns. A thousand have the same
// time, as if they had been inserted by a thousand.
async function fillPgBoss() {
  const boss = await pgBoss();
  await boss.createQueue('noop');
  await boss.insert('noop', [{ data: {} }]);
  await boss.stop({ graceful: false });
  const { rows } = await pool.query(
    `SELECT string_agg(quote_ident(column_name), ', ') AS names FROM information_schema.columns
     WHERE table_schema = 'pgboss' AND table_name = 'job' AND is_generated = 'NEVER'
       AND column_name NOT IN ('id', 'data', 'created_on', 'start_after')`);
  const { names } = rows[0];
  await pool.query(
    `WITH sample AS (DELETE FROM pgboss.job WHERE name = 'noop' RETURNING *)
     INSERT INTO pgboss.job (id, data, created_on, start_after, ${names})
     SELECT gen_random_uuid(), ${payload}, at, at, ${names}
     FROM generate_series(1, $1::int) i, sample, LATERAL (SELECT created_on - ($1 - i) / 1000 * interval '1 ms' AS at) t
     ORDER BY i`, [jobs]);
}

// Two loops that fetch and complete batches of 500.
async function drainPgBoss() {
  const boss = await pgBoss();
  let fetched = 0;
  await measured(() => Promise.all([1, 2].map(async () => {
    while (fetched < jobs) {
      const batch = await boss.fetch('noop', { batchSize: 500 });
      if (batch.length === 0) return;
      fetched += batch.length;
      await boss.complete('noop', batch.map((job) => job.id));
    }
  })));
  await boss.stop({ graceful: false });
  if (fetched < jobs) throw new Error(`pg-boss found ${fetched} jobs of ${jobs}`);
}

const actions = {
  fill: { 'graphile-worker': fillGraphileWorker, 'pg-boss': fillPgBoss },
  drain: { 'graphile-worker': drainGraphileWorker, 'pg-boss': drainPgBoss },
};
if (!actions[action]?.[peer] || !(jobs >= 0)) {
  console.error('usage: node peers.mjs fill|drain graphile-worker|pg-boss JOBS');
  process.exit(2);
}
await actions[action][peer]();
await pool.end();
process.exit(0);
