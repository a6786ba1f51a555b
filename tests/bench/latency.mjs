// How long a job takes from its insert to its handler, on an idle system.
//
//   node latency.mjs produce sluice|graphile-worker JOBS FILE    inserts jobs, one at a time, at random intervals
//   node latency.mjs work graphile-worker                        the peer's worker, until it is killed
//
// DATABASE_URL names the database. Handlers append one line of microseconds to FILE for each job; `produce` ends
// when all of them have.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

const [role, contender, count, file] = process.argv.slice(2);
const connectionString = process.env.DATABASE_URL;
const micros = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

const inserts = {
  sluice: `INSERT INTO "Outbox" (id, type, payload, "updatedAt")
           VALUES (gen_random_uuid(), 'bench.stamp', $1, now() AT TIME ZONE 'UTC')`,
  'graphile-worker': `SELECT graphile_worker.add_job('stamp', $1)`,
};

const lines = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);

async function produce() {
  const client = new pg.Client({ connectionString });
  await client.connect();
  for (let n = 0; n < Number(count); n++) {
    await pause(20 + 100 * Math.random());
    await client.query(inserts[contender], [JSON.stringify({ at: micros(), file })]);
  }
  while (lines() < Number(count)) await pause(10);
  await client.end();
}

async function work() {
  const { run, Logger } = await import('graphile-worker');
  const runner = await run({
    preset: { worker: { connectionString, logger: new Logger(() => () => {}), concurrentJobs: 4 } },
    taskList: { stamp: ({ at, file }) => appendFileSync(file, `${micros() - at}\n`) },
  });
  console.log('ready');
  await runner.promise;
}

await (role === 'work' ? work() : produce());
