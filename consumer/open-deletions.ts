import type { Config } from '../src/config/config.js';
import { Janitor } from '../src/retention/janitor.js';
import { daysAgo } from '../src/retention/retention.js';
import { openArchive } from './archive/open-archive.js';
import { DeletionWorker } from './deletion-worker.js';
import { archiveStep } from './steps/archive.js';
import { type StepParts, stepsOf } from './steps/steps.js';

/** The worker of deletions, and the janitor of their archive where there is one. */
export async function openDeletions(parts: StepParts, config: Config) {
  const { deletionArchive } = config;
  const archive = deletionArchive && (await openArchive(deletionArchive));
  const worker = new DeletionWorker(
    parts,
    stepsOf(config, archive && archiveStep(archive, deletionArchive.key)),
    config,
  );
  const janitor =
    archive &&
    new Janitor(async (stopping) => {
      const files = await archive.removeOlderThan(await daysAgo(parts.em, deletionArchive.days), stopping);
      if (files > 0) parts.log.info({ files }, 'old files of the archive removed');
    }, parts.log);
  return {
    worker,
    start() {
      worker.start();
      janitor?.start();
    },
    async stop() {
      await Promise.all([worker.stop(), janitor?.stop()]);
    },
  };
}
