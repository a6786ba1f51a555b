// Fills another job queue with no-op jobs, or runs them.
//
//   node peers.mjs fill graphile-worker|pg-boss JOBS
//   node peers.mjs drain graphile-worker|pg-boss JOBS [SLOTS [MILLISECONDS [PROCESSES]]]
//
// DATABASE_URL names the database, which must be empty for `fill`. `drain` ends when JOBS of the waiting jobs are
// finished. Each job takes MILLISECONDS, and SLOTS run at once in a process. It prints "begin", then a line of JSON:
// {jobs, seconds, cpu_seconds} of the run alone. After each of these lines it waits for a line on standard input, so
// that the CPU time of the server and of itself can be read meanwhile.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { connectionString, graphileWorker, handle, migrateGraphileWorker, pgBoss } from './queues.mjs';

const [action, peer, count, ...rest] = process.argv.slice(2);
const jobs = Number(count);
const [slots = 24, milliseconds = 0, processes = 1] = rest.map(Number);
const PATIENCE = 300; // seconds
const pool = new pg.Pool({ connectionString, max: 2 });
const number = async (sql) => Number((await pool.query(sql)).rows[0].n);
const payload = `json_build_object('n', i, 'to', 'user@example.com', 'subject', 'hello')`;

async function told(line) {
  console.log(line);
  await once(process.stdin, 'data');
}

async function fillGraphileWorker() {
  await migrateGraphileWorker('noop', 'stamp');
  await pool.query('DELETE FROM graphile_worker._private_jobs');
  await pool.query(
    `INSERT INTO graphile_worker._private_jobs (task_id, payload)
     SELECT t.id, ${payload}
     FROM graphile_worker._private_tasks t, generate_series(1, $1::int) i WHERE t.identifier = 'noop'`, [jobs]);
}

// A job that pg-boss itself inserted is copied with all of its columns. Each thousand jobs have the same time, as if
// they had been inserted in batches of a thousand.
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

// A runner of jobs in this process: `start` and `stop` it; `ran` returns how many jobs it has run.
function graphileWorkerHere() {
  let ran = 0, runner, release;
  const released = new Promise((resolve) => { release = resolve; });
  const count = () => { ran++; };
  const noop = milliseconds ? () => handle(milliseconds).then(count) : count;
  return {
    // Jobs beyond the wanted number wait until `stop`.
    start: async () => {
      runner = await graphileWorker('batched', slots, { noop: () => (ran >= jobs ? released : noop()) });
    },
    ran: () => ran,
    stop: async () => {
      release();
      await runner.stop();
    },
  };
}

// Two loops that fetch and complete batches of 500, each with half of the slots.
async function pgBossHere() {
  const boss = await pgBoss();
  let fetched = 0, ran = 0, stopped = false;
  const lane = async (batch) => { while (batch.pop()) await handle(milliseconds); };
  const loop = async () => {
    while (!stopped && fetched < jobs) {
      const batch = await boss.fetch('noop', { batchSize: 500 });
      fetched += batch.length;
      const ids = batch.map((job) => job.id);
      if (milliseconds) await Promise.all(Array.from({ length: slots / 2 }, () => lane(batch)));
      if (ids.length > 0) await boss.complete('noop', ids);
      else await pause(5);
      ran += ids.length;
    }
  };
  let loops;
  return {
    start: () => { loops = [loop(), loop()]; },
    ran: () => ran,
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      await boss.stop({ graceful: false });
    },
  };
}

const here = { 'graphile-worker': graphileWorkerHere, 'pg-boss': pgBossHere };

// The same in several processes, which report when they are ready, how many jobs they have run, and their CPU time.
function child(call) {
  const worker = fork(process.argv[1], call);
  const told = { ran: 0, send: (order) => worker.send(order), ended: once(worker, 'exit') };
  told.ready = new Promise((resolve) => { told.isReady = resolve; });
  told.cpu = new Promise((resolve) => { told.isSpent = resolve; });
  worker.on('message', ({ ran, cpu }) => {
    told.isReady();
    told.ran = ran ?? told.ran;
    if (cpu !== undefined) told.isSpent(cpu);
  });
  return told;
}

async function forked() {
  const children = Array.from({ length: processes }, () => child(['work', peer, count, ...rest]));
  const send = (order) => children.forEach((each) => each.send(order));
  await Promise.all(children.map(({ ready }) => ready));
  return {
    start: () => send('start'),
    ran: () => children.reduce((sum, { ran }) => sum + ran, 0),
    cpu: async () => {
      send('cpu');
      return (await Promise.all(children.map(({ cpu }) => cpu))).reduce((sum, spent) => sum + spent);
    },
    stop: () => {
      send('stop');
      return Promise.all(children.map(({ ended }) => ended));
    },
  };
}

const seconds = ({ user, system }) => (user + system) / 1e6;

async function work() {
  const worker = await here[peer]();
  let cpu, told = 0;
  const tell = () => {
    if (told !== worker.ran()) process.send({ ran: (told = worker.ran()) });
  };
  const orders = {
    start: async () => {
      cpu = process.cpuUsage();
      await worker.start();
      setInterval(tell, 5);
    },
    cpu: () => process.send({ cpu: seconds(process.cpuUsage(cpu)) }),
    stop: async () => {
      await worker.stop();
      process.exit(0);
    },
  };
  process.on('message', (order) => orders[order]());
  process.send({ ran: 0 });
  await once(process, 'disconnect');
}

async function drain() {
  const waiting = `SELECT count(*) AS n FROM graphile_worker._private_jobs`;
  const all = peer === 'graphile-worker' && (await number(waiting)) === jobs;
  const worker = processes > 1 ? await forked() : await here[peer]();
  await told('begin');
  const cpu = process.cpuUsage();
  const begun = performance.now();
  await worker.start();
  // graphile-worker deletes finished jobs. A count before all jobs have run would only slow it down, and so would a
  // count of the jobs that are not drained.
  for (let left = 1; left > 0; await pause(5)) {
    if (worker.ran() >= jobs) left = all ? await number(waiting) : 0;
    else if (performance.now() - begun > PATIENCE * 1000) throw new Error(`${peer} ran ${worker.ran()} of ${jobs}`);
  }
  const duration = (performance.now() - begun) / 1000;
  const cpu_seconds = worker.cpu ? await worker.cpu() : seconds(process.cpuUsage(cpu));
  await told(JSON.stringify({ jobs, seconds: duration, cpu_seconds }));
  await worker.stop();
}

const fills = { 'graphile-worker': fillGraphileWorker, 'pg-boss': fillPgBoss };
const actions = { fill: () => fills[peer](), drain, work };
if (!actions[action] || !fills[peer] || !(jobs >= 0)) {
  console.error('usage: node peers.mjs fill|drain graphile-worker|pg-boss JOBS [SLOTS [MILLISECONDS [PROCESSES]]]');
  process.exit(2);
}
await actions[action]();
await pool.end();
process.exit(0);
