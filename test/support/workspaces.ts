import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folders of all workspaces. */
export function workspaceFolders(): string[] {
  const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] };
  return workspaces.map(dirname).flatMap((parent) => readdirSync(parent).map((name) => join(parent, name)));
}
