// The manifests for Kubernetes are what its API takes, by its types and its schemas, and what the programs take: their
// settings start, their commands are there, and their probes are answered.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Namespace, Service } from 'kubernetes-models/v1';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/config.js';
import { SETTING_NAMES } from '../../src/config/settings.js';
import { newPrivateKey } from '../../src/keys/signing-key.js';
import { compile } from '../support/compile.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { startApi, usedDataFolder } from '../support/processes.js';

const FOLDER = 'deploy/kubernetes';
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const kustomization: { resources: string[]; configMapGenerator: { envs: string[] }[] } = parse(
  read('kustomization.yaml'),
);

/** Of each kind, the module and the class that know it. */
const KINDS = {
  Deployment: ['kubernetes-models/apps/v1', Deployment],
  HorizontalPodAutoscaler: ['kubernetes-models/autoscaling/v2', HorizontalPodAutoscaler],
  Namespace: ['kubernetes-models/v1', Namespace],
  NetworkPolicy: ['kubernetes-models/networking.k8s.io/v1', NetworkPolicy],
  PodDisruptionBudget: ['kubernetes-models/policy/v1', PodDisruptionBudget],
  Service: ['kubernetes-models/v1', Service],
} as const;

interface Container {
  name: string;
  command?: string[];
  env: { name: string; value: string }[];
  [probe: `${string}Probe`]: { httpGet: { path: string } };
}

interface Manifest {
  kind: keyof typeof KINDS;
  metadata: { name: string };
  spec: { template: { spec: { initContainers: Container[]; containers: Container[] } } };
}

const manifests: Manifest[] = kustomization.resources.flatMap((name) =>
  parseAllDocuments(read(name)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  }),
);
const containers = manifests
  .filter(({ kind }) => kind === 'Deployment')
  .flatMap(({ spec }) => [...spec.template.spec.initContainers, ...spec.template.spec.containers]);

/** What the compiler says of manifests that are written as values of their types, which know each field. */
function typed(given: Manifest[]): string {
  mkdirSync('dist', { recursive: true });
  const folder = mkdtempSync(join('dist', 'kubernetes-'));
  try {
    const file = join(folder, 'manifests.ts');
    const lines = given.map(
      (manifest, at) =>
        `export const m${at}: ConstructorParameters<typeof import('${KINDS[manifest.kind][0]}').${manifest.kind}>[0] = ${JSON.stringify({ ...manifest, apiVersion: undefined, kind: undefined })};`,
    );
    writeFileSync(file, lines.join('\n'));
    return compile(file).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the manifests for Kubernetes', () => {
  test('are all named by kustomization.yaml', () => {
    const named = [...kustomization.resources, ...kustomization.configMapGenerator.flatMap(({ envs }) => envs)];

    expect(readdirSync(FOLDER).sort()).toEqual([...named, 'kustomization.yaml'].sort());
  });

  test('are what the API of Kubernetes takes, and a misspelt field is not', () => {
    const [api] = manifests.filter(({ kind }) => kind === 'Deployment');
    const misspelt = JSON.parse(JSON.stringify(api).replace('"readinessProbe"', '"readynessProbe"'));

    for (const manifest of manifests) new KINDS[manifest.kind][1](manifest as never).validate();
    expect(manifests.length).toBeGreaterThan(7);
    expect(typed(manifests)).toBe('');
    expect(typed([misspelt])).toMatch(/readynessProbe.* does not exist in type 'IContainer'/);
  });

  test('run commands that are there', () => {
    const scripts = containers.map(({ command = ['node', 'dist/src/main.js'] }) => String(command.at(-1)));

    expect(scripts).toHaveLength(4);
    for (const script of scripts)
      expect([script, existsSync(script.replace(/^dist\//, '').replace(/\.js$/, '.ts'))]).toEqual([script, true]);
  });

  test('have probes that the API answers', async () => {
    const DATA_DIR = await usedDataFolder();
    await using api = await startApi({ DATA_DIR });
    const paths = containers.flatMap((container) =>
      ['startupProbe', 'readinessProbe', 'livenessProbe'].flatMap(
        (name) => container[name as `${string}Probe`]?.httpGet.path ?? [],
      ),
    );
    const statuses = await Promise.all(paths.map(async (path) => (await fetch(`${api.url}${path}`)).status));

    expect(statuses).toEqual([200, 200, 200]);
  });
});

describe('the settings of the manifests', () => {
  let folder: string;
  beforeAll(() => {
    folder = temporaryFolder();
    const values: Record<string, string> = {
      'database-url': 'postgres://gatehouse:pw@db/gatehouse',
      'redis-url': 'redis://:pw@cache:6379',
      'amqp-url': 'amqp://gatehouse:pw@queue',
      'smtp-url': 'smtp://mail:25',
      'password-pepper': 'p3pp3r of a test, 0123456789 abcdef',
      '0001.pem': newPrivateKey(),
    };
    for (const [name, value] of Object.entries(values)) writeFileSync(join(folder, name), value);
  });

  test.each(containers.map((container) => [container.name, container] as const))(
    'start %s in production',
    (name, { env }) => {
      const common = Object.fromEntries(
        read('settings.env')
          .split('\n')
          .flatMap((line) => (line === '' || line.startsWith('#') ? [] : [line.split(/=(.*)/s).slice(0, 2)])),
      );
      const own = env.map(({ name, value }) => [name, value === '/keys' ? folder : join(folder, basename(value))]);
      const program = ({ api: 'api', consumer: 'consumer', migrate: 'migrate' } as const)[name];

      for (const name of [...Object.keys(common), ...env.map(({ name }) => name.replace(/_FILE$/, ''))])
        expect(SETTING_NAMES).toContain(name);
      const config = loadConfig({ NODE_ENV: 'production', ...common, ...Object.fromEntries(own) }, program);

      expect(config).toMatchObject({ production: true, publicUrl: 'https://id.example.com' });
    },
  );
});
