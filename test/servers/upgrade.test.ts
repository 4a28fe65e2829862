// The last release and this version take requests side by side, on one database, while one is upgraded to the other and
// back. `npm run upgrade` is the long run.

import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { hasLastRelease, LAST_RELEASE } from '../../chaos/upgrade/last-release.js';
import { build, buildBench } from '../support/build.js';
import { describeWithServers } from '../support/describe-with-servers.js';

const title = `an upgrade from ${LAST_RELEASE.version}`;

if (hasLastRelease())
  describeWithServers(['postgres', 'redis', 'rabbitmq'], title, () => {
    test('fails no request, loses no session and leaves no deletion undone; nor does the way back', () => {
      build();
      buildBench();

      const args = [
        'dist-bench/chaos/upgrade/main.js',
        '--people',
        '1000',
        '--rate',
        '50',
        '--seconds',
        '1',
        '--lock',
        '5000',
      ];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });

      expect([status, stderr, stdout]).toEqual([0, '', expect.anything()]);
      for (const fact of ['failed requests', 'sessions lost', 'deleted and not purged', 'dead letters'])
        expect(stdout).toContain(`| ${fact} | 0 |`);
      console.info(stdout);
    });
  });
else
  describe.skip(`${title} (its commit ${LAST_RELEASE.commit} is not here: git fetch --unshallow)`, () => {
    test('is tried where the history is', () => undefined);
  });
