import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TSC } from '../../test/support/build.js';

/** The one that this version follows. Each release names itself here; see CONTRIBUTING.md. */
export const LAST_RELEASE = { version: '0.2.0', commit: 'd41302b1dbef767b208fbae94616d7b1347384ee' };

const FOLDER = resolve('node_modules', '.last-release', LAST_RELEASE.commit);

/** Whether this checkout has its history. */
export const hasLastRelease = (): boolean =>
  spawnSync('git', ['cat-file', '-e', `${LAST_RELEASE.commit}^{commit}`]).status === 0;

/** Builds the last release from the history, once. Answers the folder of its programs. */
export function buildLastRelease(): string {
  const programs = join(FOLDER, 'dist');
  const isBuilt = join(FOLDER, 'built');
  if (existsSync(isBuilt)) return programs;
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const archive = execFileSync('git', ['archive', LAST_RELEASE.commit], { maxBuffer: 2 ** 28 });
  execFileSync('tar', ['-x', '-C', FOLDER], { input: archive });
  installOther();
  execFileSync(process.execPath, [resolve(TSC), '-p', 'tsconfig.build.json'], { cwd: FOLDER });
  writeFileSync(isBuilt, '');
  return programs;
}

/** Where it asks for another version of a package than this one has. All others are found in the folders above. */
function installOther(): void {
  const { type, dependencies } = JSON.parse(readFileSync(join(FOLDER, 'package.json'), 'utf8'));
  const other = Object.entries(dependencies as Record<string, string>).filter(
    ([name, version]) => versionHere(name) !== version,
  );
  rmSync(join(FOLDER, 'package-lock.json'));
  writeFileSync(join(FOLDER, 'package.json'), JSON.stringify({ type, dependencies: Object.fromEntries(other) }));
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: FOLDER, stdio: 'pipe' });
}

function versionHere(name: string): string | null {
  const path = join('node_modules', name, 'package.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : null;
}
