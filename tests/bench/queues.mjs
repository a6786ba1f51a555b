// The job queues that Sluice is compared with, each with the settings that its documentation recommends.
import { setTimeout as pause } from 'node:timers/promises';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { PgBoss } from 'pg-boss';

export const connectionString = process.env.DATABASE_URL;
const logger = new Logger(() => () => {});

// `batched` is for throughput: a local queue that claims 500 jobs at once, and batched completions. `prompt` is for
// latency: each worker fetches a job as soon as it is notified of one.
const presets = {
  batched: { maxPoolSize: 10, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
  prompt: {},
};

export const graphileWorker = (preset, concurrentJobs, taskList) =>
  run({ preset: { worker: { connectionString, logger, concurrentJobs, ...presets[preset] } }, taskList,
        noHandleSignals: true });

export async function migrateGraphileWorker(...tasks) {
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  for (const task of tasks) await utils.addJob(task, {});
  await utils.release();
}

export async function pgBoss() {
  const boss = new PgBoss({ connectionString, max: 10 });
  boss.on('error', (error) => { throw error; });
  await boss.start();
  return boss;
}

// A handler that does nothing, or waits for so many milliseconds.
export const handle = (milliseconds) => (milliseconds ? pause(milliseconds) : undefined);
