// Measures the time from a job's insert to its handler.
//
//   node latency.mjs work graphile-worker prompt|batched SLOTS MILLISECONDS
//                                        runs the peer's worker until SIGTERM: SLOTS jobs at once, MILLISECONDS each
//   node latency.mjs feed graphile-worker|TYPE RATE
//                                        inserts RATE jobs a second until SIGTERM, no-ops or jobs of Sluice's TYPE,
//                                        then prints the actual number per second
//   node latency.mjs produce sluice|graphile-worker JOBS PAUSE FILE
//                                        inserts jobs one at a time, at random intervals with a mean of PAUSE ms
//
// DATABASE_URL names the database. Handlers append a line with microseconds to FILE for each job. `produce` ends when
// there is a line for each job, or fails 60 s after the last insert.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { connectionString, graphileWorker, handle } from './queues.mjs';

const [role, contender, ...rest] = process.argv.slice(2);
const PATIENCE = 60; // seconds
const micros = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
let stopped = false;
process.on('SIGTERM', () => { stopped = true; });

const inserts = {
  sluice: `INSERT INTO "Outbox" (id, type, payload, "updatedAt")
           VALUES (gen_random_uuid(), 'bench.stamp', $1, now() AT TIME ZONE 'UTC')`,
  'graphile-worker': `SELECT graphile_worker.add_job('stamp', $1)`,
};

const ofGraphileWorker = `SELECT count(*) FROM graphile_worker.add_jobs((
           SELECT array_agg(json_populate_record(NULL::graphile_worker.job_spec,
                                                 json_build_object('identifier', 'noop', 'payload',
                                                                   json_build_object('n', i))))
           FROM generate_series(1, $1::int) i))`;
const ofSluice = `INSERT INTO "Outbox" (id, type, payload, "updatedAt")
           SELECT gen_random_uuid(), $2, json_build_object('n', i), now() AT TIME ZONE 'UTC'
           FROM generate_series(1, $1::int) i`;
const feedOnce = (client, jobs) => (contender === 'graphile-worker'
  ? client.query(ofGraphileWorker, [jobs]) : client.query(ofSluice, [jobs, contender]));

const lines = (file) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);

async function connected(use) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await use(client);
  await client.end();
}

const produce = () => connected(async (client) => {
  const [jobs, mean, file] = [Number(rest[0]), Number(rest[1]), rest[2]];
  for (let n = 0; n < jobs; n++) {
    await pause(mean * (0.4 + 1.2 * Math.random()));
    await client.query(inserts[contender], [JSON.stringify({ at: micros(), file })]);
  }
  const last = performance.now();
  for (; lines(file) < jobs; await pause(10)) {
    if (performance.now() - last > PATIENCE * 1000) throw new Error(`only ${lines(file)} of ${jobs} jobs were run`);
  }
});

// Inserts the due jobs every 20 ms.
const feed = () => connected(async (client) => {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  console.log('ready');
  let inserted = 0;
  for (; !stopped; await pause(20)) {
    const due = Math.floor(Number(rest[0]) * seconds()) - inserted;
    if (due > 0) await feedOnce(client, due);
    inserted += due;
  }
  console.log(inserted / seconds());
});

async function work() {
  const [preset, slots, milliseconds] = [rest[0], Number(rest[1]), Number(rest[2])];
  const runner = await graphileWorker(preset, slots, {
    noop: () => handle(milliseconds),
    stamp: ({ at, file }) => appendFileSync(file, `${micros() - at}\n`),
  });
  console.log('ready');
  while (!stopped) await pause(50);
  await runner.stop();
}

await { produce, feed, work }[role]();
process.exit(0);
