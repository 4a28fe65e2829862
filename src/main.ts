import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import './process/node-version.js';
import { Run } from './process/run.js';

// Signals are heard before all else is loaded, which takes a second.
const run = new Run();
const { configOrExit } = await run.step(() => import('./config/config-or-exit.js'));
const config = configOrExit('api');

async function start(): Promise<void> {
  if (cluster.isPrimary) {
    // Found out before anything is written.
    const { assertCanListen } = await run.step(() => import('./http/listening.js'));
    await run.step(() => assertCanListen(config));
  }
  if (cluster.isWorker || config.workers === 1) {
    const { startApi } = await run.step(() => import('./api.js'));
    return startApi(run, config);
  }
  const [{ startWorkers }, { createLog }] = await run.step(() =>
    Promise.all([import('./process/workers.js'), import('./log.js')]),
  );
  const { workers: count, persistedOperations } = config;
  const passedOn = persistedOperations === 'trusted' ? 'SIGUSR2' : null;
  return startWorkers(run, {
    count,
    script: fileURLToPath(import.meta.url),
    passedOn,
    log: createLog(config.logLevel),
  });
}

await start().catch((error) => run.fail(error));
