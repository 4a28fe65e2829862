import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One text of one file of a build, and what stands in its place. */
export interface Alteration {
  file: string;
  from: string;
  to: string;
}

/**
 * Copies compiled modules with the alterations to `folder`, where they run unbundled.
 * @throws where a text is not there once.
 */
export function alteredBuild(folder: string, alterations: Alteration[], modules = 'build'): void {
  rmSync(folder, { recursive: true, force: true });
  cpSync(modules, folder, { recursive: true });
  for (const { file, from, to } of alterations) {
    const path = join(folder, file);
    const source = readFileSync(path, 'utf8');
    if (source.split(from).length !== 2) throw new Error(`${file} does not have once: ${from}`);
    writeFileSync(
      path,
      source.replace(from, () => to),
    );
  }
}
