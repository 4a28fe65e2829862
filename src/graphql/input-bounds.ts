import type { Issue } from '../errors.js';

/**
 * What the inputs of one request may hold, whatever the schema says of each; more is refused before it is looked at.
 */
export const INPUT_LIMITS = {
  /** Levels of lists and objects. No input of the schema needs as many. */
  levels: 32,
  /** Items of one list. */
  items: 50,
  /** Fields of one object. */
  fields: 100,
  /** Values of all variables together: texts, numbers, lists, objects. */
  values: 500,
  /** Characters (UTF-16 code units) of one text. */
  characters: 10_000,
} as const;

/** Of other keys nothing is said back. */
const IS_NAME = /^\w{1,64}$/;

interface Node {
  root: string;
  value: unknown;
  path: string;
  levels: number;
}

/**
 * The first place that is beyond what any input may be, or null; `values` are named by their paths. Walks without
 * recursion, which a client could make too deep, and looks at no more values than are allowed.
 */
export function beyondBounds(values: readonly (readonly [path: string, value: unknown])[]): Issue | null {
  const open: Node[] = values.map(([path, value]) => ({ root: path, value, path, levels: 0 })).reverse();
  let count = 0;
  for (let node = open.pop(); node; node = open.pop()) {
    count += 1;
    // A path of so many levels would say nothing.
    if (node.levels > INPUT_LIMITS.levels)
      return { path: node.root, message: `has more than ${INPUT_LIMITS.levels} levels` };
    const message = refusal(node.value, count);
    if (message) return { path: node.path, message };
    if (typeof node.value !== 'object' || node.value === null) continue;
    for (const [key, inner] of Object.entries(node.value)) {
      const path = IS_NAME.test(key) ? `${node.path}.${key}` : node.path;
      open.push({ root: node.root, value: inner, path, levels: node.levels + 1 });
    }
  }
  return null;
}

function refusal(value: unknown, count: number): string | null {
  if (count > INPUT_LIMITS.values) return `is more than the ${INPUT_LIMITS.values} values that a request may have`;
  if (typeof value === 'string' && value.length > INPUT_LIMITS.characters)
    return `has more than ${INPUT_LIMITS.characters} characters`;
  if (Array.isArray(value)) return value.length > INPUT_LIMITS.items ? tooManyItems : null;
  if (typeof value === 'object' && value !== null && Object.keys(value).length > INPUT_LIMITS.fields)
    return `has more than ${INPUT_LIMITS.fields} fields`;
  return null;
}

export const tooManyItems = `must have at most ${INPUT_LIMITS.items} items`;
