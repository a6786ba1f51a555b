// The job queues that Sluice is measured against, each set as its documentation has it for the purpose.
import { setTimeout as pause } from 'node:timers/promises';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { PgBoss } from 'pg-boss';

export const connectionString = process.env.DATABASE_URL;
const logger = new Logger(() => () => {});

// `batched` is for throughput: a local queue that claims 500 at once, and batched completions. `prompt` is for
// latency: each worker asks for a job of its own as soon as it hears of one.
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

// What a handler does with its job: nothing, or it takes so many milliseconds.
export const handle = (milliseconds) => (milliseconds ? pause(milliseconds) : undefined);
