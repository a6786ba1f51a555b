// How long a job takes from its insert to its handler.
//
//   node latency.mjs work graphile-worker prompt|batched         the peer's worker, until SIGTERM
//   node latency.mjs feed sluice|graphile-worker RATE            inserts so many no-op jobs a second until SIGTERM,
//                                                                then prints how many a second it were
//   node latency.mjs produce sluice|graphile-worker JOBS FILE    inserts jobs, one at a time, at random intervals
//
// DATABASE_URL names the database. Handlers append one line of microseconds to FILE for each job; `produce` ends
// when all of them have.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { connectionString, graphileWorker } from './queues.mjs';

const [role, contender, argument, file] = process.argv.slice(2);
const micros = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
let stopped = false;
process.on('SIGTERM', () => { stopped = true; });

const inserts = {
  sluice: `INSERT INTO "Outbox" (id, type, payload, "updatedAt")
           VALUES (gen_random_uuid(), 'bench.stamp', $1, now() AT TIME ZONE 'UTC')`,
  'graphile-worker': `SELECT graphile_worker.add_job('stamp', $1)`,
};

const feeds = {
  sluice: `INSERT INTO "Outbox" (id, type, payload, "updatedAt")
           SELECT gen_random_uuid(), 'bench.noop', json_build_object('n', i), now() AT TIME ZONE 'UTC'
           FROM generate_series(1, $1::int) i`,
  'graphile-worker': `SELECT count(*) FROM graphile_worker.add_jobs((
           SELECT array_agg(json_populate_record(NULL::graphile_worker.job_spec,
                                                 json_build_object('identifier', 'noop', 'payload',
                                                                   json_build_object('n', i))))
           FROM generate_series(1, $1::int) i))`,
};

const lines = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);

async function connected(use) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await use(client);
  await client.end();
}

const produce = () => connected(async (client) => {
  const jobs = Number(argument);
  for (let n = 0; n < jobs; n++) {
    await pause(20 + 100 * Math.random());
    await client.query(inserts[contender], [JSON.stringify({ at: micros(), file })]);
  }
  while (lines() < jobs) await pause(10);
});

// Inserts every 20 ms what is due by then.
const feed = () => connected(async (client) => {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  console.log('ready');
  let inserted = 0;
  for (; !stopped; await pause(20)) {
    const due = Math.floor(Number(argument) * seconds()) - inserted;
    if (due > 0) await client.query(feeds[contender], [due]);
    inserted += due;
  }
  console.log(inserted / seconds());
});

async function work() {
  const runner = await graphileWorker(argument, {
    noop: () => {},
    stamp: ({ at, file }) => appendFileSync(file, `${micros() - at}\n`),
  });
  console.log('ready');
  while (!stopped) await pause(50);
  await runner.stop();
}

await { produce, feed, work }[role]();
process.exit(0);
