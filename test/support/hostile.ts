import fc from 'fast-check';
import {
  type GraphQLArgument,
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';

/** A text that no answer's errors and no log may hold. */
export const CANARY = 'c4n4ry';

/**
 * A value as it stands in JSON and in a document: numbers that JavaScript does not have, and what is too deep to be
 * walked.
 */
export class Raw {
  constructor(
    readonly json: string,
    readonly literal = json,
  ) {}
}

/** What exists in the database, so that values get past the first check: ids, tokens, cursors, addresses, passwords. */
export type Known = readonly string[];

const NUMBERS = ['0', '-0', '1', '-1', '50', '101', '2147483647', '2147483648', '-2147483649', '9007199254740993']
  .concat('1e400', '-1e400', '0.1', '1e-400', '1.0', '5e-324', '99999999999999999999999999')
  .map((text) => new Raw(text));

const TIMES = ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00+00:01', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z']
  .concat('9999-12-31T23:59:59.999-05:00', '9999-12-31T23:59:60Z', '2016-12-31T23:59:60Z', '2016-12-31t23:59:59z')
  .concat('1969-12-31T23:59:60.5Z', '2026-02-30T00:00:00Z', '2026-01-01T24:00:00Z', '+10000-01-01T00:00:00Z')
  .concat('-000001-01-01T00:00:00Z', '2026-01-01T00:00:00|05:00', '2026-01-01T00:00:00.123456789+23:59', '2026-01-01')
  .concat('2026-01-01T00:00:00', 'infinity', '-infinity', 'now', 'epoch', `2026-01-01T00:00:00.${'0'.repeat(9_000)}Z`)
  .concat('0001-01-01T00:00:00+23:59', '9999-12-31T23:59:59.9999999Z', '4714-11-24T00:00:00Z', 'NaN', 'Invalid Date');

const TEXTS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udc00b',
  '\u202e\u200b\u00ad\ufeff',
  '%',
  '_',
  '\\',
  "'; drop table users; --",
]
  .concat('$(id)', '(a+)+$', '[', '*', '{"$ne":null}', '__proto__', 'constructor', 'toString', 'null', 'true')
  .concat(
    '../../etc/passwd',
    '\r\nset-cookie: a=b',
    '\u0130\u1e9e\ufb03\ufdfa',
    '👩‍👩‍👧‍👦',
    'e\u0301'.repeat(50),
    '=',
    '\x7f\x80\x9f',
  )
  .concat(
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '01900000-0000-7000-8000-00000000000g',
  )
  .concat(
    'a@b.co',
    'A@B.CO',
    `${'a'.repeat(64)}@${'b.'.repeat(90)}co`,
    'a@',
    '@b.co',
    'a@b@c.co',
    'a@[127.0.0.1]',
    'ä@ü.de',
  );

const ENUMS = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'admin', 'ADMIN ', 'A'.repeat(1_000)];

const BAD_KEYS = ['constructor', 'toString', 'hasOwnProperty', 'nothing', 'a'.repeat(500), '', 'a b', '$where', '0'];

const nested = (depth: number, open: string, close: string, openInDocument = open) => {
  const end = `null${close.repeat(depth)}`;
  return new Raw(open.repeat(depth) + end, openInDocument.repeat(depth) + end);
};

/** Of another type, also of other shapes. */
const STRANGERS: unknown[] = [
  null,
  true,
  new Raw('1e400'),
  new Raw('0.5'),
  CANARY,
  [],
  [null],
  [[CANARY]],
  {},
  ...BAD_KEYS.map((key) => ({ [key]: CANARY })),
  ...[51, 9_000].map((length) => Array.from({ length }, () => CANARY)),
  Array.from({ length: 25_000 }, () => null),
  ...[30, 900, 12_000].map((depth) => nested(depth, '[', ']')),
  ...[30, 900, 6_000].map((depth) => nested(depth, '{"not":', '}', '{not:')),
  Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`field${index}`, CANARY])),
];

const SECRETS = ['', ' ', '\0', '%', '@example.com'].map((end) => `${CANARY}${end}`);
const HUGE = ['x', '%', '\ufdfa', '(', '9', '\u0301', '@', '\ud800', 'a@'].map((part) =>
  part.repeat(30_000 / part.length),
);

const flipped = (text: string, at: number) => {
  const bytes = Buffer.from(text);
  if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << (at % 8));
  return bytes.toString('latin1');
};

const EDGES: Record<string, unknown[]> = { Int: NUMBERS, Boolean: [true, false], DateTime: TIMES };

/** What stands at the edges of a type, within them and beyond. */
function edgesOf(type: GraphQLInputType, known: Known): unknown[] {
  const named = getNamedType(type);
  if (isEnumType(named))
    return [...named.getValues().map(({ name }) => name), ...ENUMS].map((name) => new EnumName(name));
  return EDGES[named.name] ?? [...TEXTS, ...SECRETS, ...HUGE, ...known];
}

/** Values for a type, most of them of the type and at its edges. */
export function valuesOf(type: GraphQLInputType, known: Known, depth = 0): fc.Arbitrary<unknown> {
  const fitting = fittingValues(type, known, depth);
  return fc.oneof({ weight: 30, arbitrary: fitting }, { weight: 1, arbitrary: fc.constantFrom(...STRANGERS) });
}

function fittingValues(type: GraphQLInputType, known: Known, depth: number): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return valuesOf(type.ofType, known, depth);
  const of = valueOfNullable(type, known, depth);
  return depth > 0 ? fc.oneof({ weight: 8, arbitrary: of }, { weight: 1, arbitrary: fc.constant(null) }) : of;
}

function valueOfNullable(type: GraphQLInputType, known: Known, depth: number): fc.Arbitrary<unknown> {
  if (isListType(type)) {
    if (depth > 3) return fc.constant([]);
    return fc.array(valuesOf(type.ofType as GraphQLInputType, known, depth + 1), { maxLength: 4 });
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter((field) => depth < 4 || isNonNullType(field.type));
    const requiredKeys = fields.filter((field) => isNonNullType(field.type)).map(({ name }) => name);
    const model = Object.fromEntries(fields.map((field) => [field.name, valuesOf(field.type, known, depth + 1)]));
    return fc.record(model, { requiredKeys });
  }
  const edges = fc.constantFrom(...edgesOf(type, known));
  return isEnumType(type) || getNamedType(type).name in EDGES
    ? edges
    : fc.oneof({ weight: 5, arbitrary: edges }, texts(known));
}

const texts = (known: Known) =>
  fc.oneof(
    fc.tuple(fc.constantFrom(...known), fc.nat(2_000)).map(([text, at]) => flipped(text, at)),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );

/** The edges of a type, and what is of another. */
export const hostileTo = (type: GraphQLInputType, known: Known) => [...edgesOf(type, known), ...STRANGERS];

/** Where one value goes into the arguments of a field; all else that must be there is as it should be. */
export interface Place {
  path: string;
  type: GraphQLInputType;
  put(value: unknown): Record<string, unknown>;
}

type Input = Pick<GraphQLArgument, 'name' | 'type'>;

/** Every argument and every field of an input, two levels of lists and objects deep. */
export function placesOf(inputs: readonly Input[], known: Known, depth = 0): Place[] {
  return inputs.flatMap(({ name, type }) => {
    const put = (value: unknown) => ({ ...requiredOf(inputs, known), [name]: value });
    return [{ path: name, type, put }, ...within({ path: name, type, put }, known, depth)];
  });
}

function within({ path, type, put }: Place, known: Known, depth: number): Place[] {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const item = {
      path: `${path}.0`,
      type: nullable.ofType as GraphQLInputType,
      put: (value: unknown) => put([value]),
    };
    return depth < 2 ? [item, ...within(item, known, depth + 1)] : [];
  }
  if (!isInputObjectType(nullable) || depth > 1) return [];
  return placesOf(Object.values(nullable.getFields()), known, depth + 1).map((place) => ({
    ...place,
    path: `${path}.${place.path}`,
    put: (value) => put(place.put(value)),
  }));
}

const requiredOf = (inputs: readonly Input[], known: Known) =>
  Object.fromEntries(
    inputs.filter(({ type }) => isNonNullType(type)).map(({ name, type }) => [name, plausible(name, type, known)]),
  );

let made = 0;
function plausible(name: string, type: GraphQLInputType, known: Known): unknown {
  const nullable = getNullableType(type);
  if (isInputObjectType(nullable)) return requiredOf(Object.values(nullable.getFields()), known);
  if (isEnumType(nullable)) return new EnumName(nullable.getValues()[0]?.name ?? '');
  if (isListType(nullable)) return [];
  if (nullable.name === 'EmailAddress') return `person${made++}@hostile.example`;
  if (/password/i.test(name)) return known.find((text) => text.includes(' '));
  return nullable.name === 'ID' ? known.find((text) => /^[\da-f-]{36}$/.test(text)) : 'x';
}

/** A name of an enum: a text in variables, a word in documents. */
export class EnumName {
  constructor(readonly name: string) {}
}

/** As JSON. */
export function json(value: unknown): string {
  if (value instanceof Raw) return value.json;
  if (value instanceof EnumName) return JSON.stringify(value.name);
  if (Array.isArray(value)) return `[${value.map(json).join(',')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${json(inner)}`)}}`;
  return JSON.stringify(value);
}

export const ODD_HEADERS: [string, string][] = [
  ...[
    '',
    'Bearer',
    'Bearer ',
    'bearer x',
    'Bearer x y',
    'Basic YTpi',
    'Bearer ..',
    'Bearer e30.e30.',
    'Bearer a.b.c.d.e',
  ]
    .concat(
      'Bearer eyJhbGciOiJub25lIn0.e30.',
      `Bearer ${'a'.repeat(10_000)}`,
      'Bearer \u00e9',
      'Bearer bnVsbA.bnVsbA.bnVsbA',
      'Bearer W10.W10.W10',
    )
    .map((value): [string, string] => ['authorization', value]),
  ...[
    '',
    '=',
    ';;;',
    'a',
    '__proto__=x',
    'gatehouse-refresh=',
    'gatehouse-refresh=%',
    '\u00ff=\u00fe',
    `a=${'b;'.repeat(4_000)}`,
  ].map((value): [string, string] => ['cookie', value]),
  ...[
    '',
    ';',
    '*',
    ',,,',
    'ko;q=x',
    'ko;q=NaN,en;q=1e400',
    '__proto__',
    'constructor',
    'k\u00e9',
    'a,'.repeat(4_000),
    `${'a-'.repeat(5_000)}`,
  ].map((value): [string, string] => ['accept-language', value]),
  ...['', '*/*', 'text/html', ';;', 'application/json;q=0', 'x'.repeat(9_000)].map((value): [string, string] => [
    'accept',
    value,
  ]),
  ...['', '\u0080\u009f', 'x'.repeat(9_000), '%s%n'].flatMap((value): [string, string][] =>
    [
      'user-agent',
      'x-request-id',
      'x-forwarded-for',
      'forwarded',
      'origin',
      'apollographql-client-name',
      'traceparent',
    ].map((name) => [name, value]),
  ),
];
