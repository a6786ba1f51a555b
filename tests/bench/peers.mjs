// Runs a backlog of no-op jobs through another job queue, at the best settings that it documents.
//
//   node peers.mjs graphile-worker|pg-boss JOBS
//
// DATABASE_URL names an empty database. Prints "begin" when the backlog is there and vacuumed, "end" when all
// of it is finished, then a line of JSON: {jobs, seconds, cpu_seconds}, of the run alone.
import pg from 'pg';

const [peer, count] = process.argv.slice(2);
const jobs = Number(count);
const connectionString = process.env.DATABASE_URL;
const payload = (n) => ({ n, to: 'user@example.com', subject: 'hello' });
const pool = new pg.Pool({ connectionString, max: 2 });

async function measured(run) {
  console.log('begin');
  const cpu = process.cpuUsage();
  const begun = process.hrtime.bigint();
  await run();
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  console.log('end');
  console.log(JSON.stringify({ jobs, seconds, cpu_seconds: (user + system) / 1e6 }));
}

// Its local queue claims in batches of 500; completions are batched.
async function graphileWorker() {
  const { run, makeWorkerUtils, Logger } = await import('graphile-worker');
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  await utils.addJob('noop', {});
  await utils.release();
  await pool.query('DELETE FROM graphile_worker._private_jobs');
  await pool.query(
    `INSERT INTO graphile_worker._private_jobs (task_id, payload)
     SELECT t.id, json_build_object('n', i, 'to', 'user@example.com', 'subject', 'hello')
     FROM graphile_worker._private_tasks t, generate_series(1, $1::int) i WHERE t.identifier = 'noop'`, [jobs]);
  await pool.query('VACUUM ANALYZE graphile_worker._private_jobs');
  await pool.query('CHECKPOINT');
  let runner;
  await measured(async () => {
    let ran = 0;
    runner = await run({
      preset: { worker: { connectionString, logger, concurrentJobs: 24, maxPoolSize: 10, localQueue: { size: 500 },
                          completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      taskList: { noop: () => { ran++; } },
      noHandleSignals: true,
    });
    // A finished job is deleted; to ask before all have run would only cost it time.
    for (let left = 1; left > 0; await new Promise((wake) => setTimeout(wake, 10))) {
      if (ran < jobs) continue;
      left = (await pool.query('SELECT count(*)::int AS n FROM graphile_worker._private_jobs')).rows[0].n;
    }
  });
  await runner.stop();
}

// Two loops that fetch and complete batches of 500.
async function pgBoss() {
  const { PgBoss } = await import('pg-boss');
  const boss = new PgBoss({ connectionString, max: 10 });
  boss.on('error', (error) => { throw error; });
  await boss.start();
  await boss.createQueue('noop');
  for (let n = 0; n < jobs; n += 1000) {
    const length = Math.min(1000, jobs - n);
    await boss.insert('noop', Array.from({ length }, (_, k) => ({ data: payload(n + k) })));
  }
  await pool.query('VACUUM ANALYZE pgboss.job');
  await pool.query('CHECKPOINT');
  await measured(() => Promise.all([1, 2].map(async () => {
    for (;;) {
      const fetched = await boss.fetch('noop', { batchSize: 500 });
      if (fetched.length === 0) return;
      await boss.complete('noop', fetched.map((job) => job.id));
    }
  })));
  await boss.stop({ graceful: false });
}

const peers = { 'graphile-worker': graphileWorker, 'pg-boss': pgBoss };
if (!peers[peer] || !(jobs > 0)) {
  console.error(`usage: node peers.mjs ${Object.keys(peers).join('|')} JOBS`);
  process.exit(2);
}
await peers[peer]();
await pool.end();
process.exit(0);
