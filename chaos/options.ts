import { type ParseArgsConfig, parseArgs } from 'node:util';

/**
 * The options of a command, each with its default: whole numbers above 0, texts, and flags. Where one is wrong, the
 * process ends with 1 and the usage.
 */
export function optionsOrExit<T extends Record<string, number | string | boolean>>(usage: string, defaults: T): T {
  try {
    const options: ParseArgsConfig['options'] = {};
    for (const [name, value] of Object.entries(defaults))
      options[name] = typeof value === 'boolean' ? { type: 'boolean' } : { type: 'string' };
    const given = parseArgs({ options }).values;
    const read = Object.entries(given).map(([name, value]) => {
      const isNumber = typeof defaults[name] === 'number';
      if (isNumber && !/^[1-9]\d*$/.test(String(value))) throw new Error(`--${name} must be a whole number above 0.`);
      return [name, isNumber ? Number(value) : value];
    });
    return { ...defaults, ...Object.fromEntries(read) };
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(1);
  }
}
