const times = (count: number, text: string | ((at: number) => string), separator = ' ') =>
  Array.from({ length: count }, (_, at) => (typeof text === 'string' ? text : text(at))).join(separator);

const body = (query: string, variables?: string) =>
  `{"query":${JSON.stringify(query)}${variables === undefined ? '' : `,"variables":${variables}`}}`;

const FILTER = 'query ($f: UserFilter) { users(filter: $f) { totalCount } }';
const filter = (json: string) => body(FILTER, `{"f":${json}}`);
const LOGIN = 'mutation ($i: LoginInput!) { login(input: $i) { accessToken } }';
const login = (json: string) => body(LOGIN, `{"i":${json}}`);
const LONG = 'x'.repeat(95_000);

/** Bodies of up to 100 kB that must be refused, each made so that refusing costs as much as it can. */
export const REFUSED_REQUESTS: Record<string, string> = {
  'a list of 49,000 wrong items': filter(`{"or":[${times(49_000, '1', ',')}]}`),
  'a list of 33,000 empty objects': filter(`{"or":[${times(33_000, '{}', ',')}]}`),
  'a list of 6,600 objects with a wrong value': filter(`{"or":[${times(6_600, '{"role":"x"}', ',')}]}`),
  'lists in lists': filter(`{"or":[${times(49, (at) => `{"and":[${times(49, `{"role":${at}}`, ',')}]}`, ',')}]}`),
  'an object of 9,000 unknown fields': filter(`{${times(9_000, (at) => `"k${at}":1`, ',')}}`),
  'objects of many fields in many fields': login(
    `{${times(90, (at) => `"a${at}":{${times(90, (key) => `"b${key}":1`, ',')}}`, ',')}}`,
  ),
  'a name of 95,000 characters': login(`{"${LONG}":1}`),
  'a list of 95,000 characters as an address': login(`{"email":["${LONG}"],"password":"p"}`),
  'a wrong address of 95,000 characters': login(`{"email":"${LONG}@${'y.'.repeat(1_000)}","password":"p"}`),
  'an address of 31,000 signs outside ASCII': login(`{"email":"${'ä'.repeat(31_000)}@x.com","password":"p"}`),
  'a wrong role of 95,000 characters': filter(`{"role":"${LONG}"}`),
  'a wrong time of 95,000 characters': filter(`{"createdFrom":"${'0'.repeat(95_000)}"}`),
  'a search of 95,000 characters': filter(`{"search":"${LONG}"}`),
  'a token of 95,000 characters': body(`mutation { verifyEmail(token: "${LONG}") { user { id } } }`),
  '240 variables, all wrong': body(
    `query (${times(240, (at) => `$v${at}: Int`)}) { __typename }`,
    `{${times(240, (at) => `"v${at}":"x"`, ',')}}`,
  ),
  '90 variables that are not declared': body(`{ ${times(90, (at) => `a${at}: user(id: $v${at}) { id }`)} }`),
  '900 wrong items in the document': body(`{ users(filter: {or: [${times(900, '1')}]}) { totalCount } }`),
  '300 empty objects in the document': body(`{ users(filter: {or: [${times(300, '{}')}]}) { totalCount } }`),
  '300 values of one field': body(`{ users(filter: {${times(300, 'role: ADMIN')}}) { totalCount } }`),
  '49 wrong values in a default': body(
    `query ($f: UserFilter = {or: [${times(49, '1')}]}) { users(filter: $f) { totalCount } }`,
  ),
  '240 fields that agree, of one field each': body(`{ ${times(240, 'me { id }')} a }`),
  '980 times one field': body(`{ ${times(980, '__typename')} a }`),
  'fields that agree in fragments': body(
    `{ ${times(45, (at) => `...F${at}`)} } ${times(45, (at) => `fragment F${at} on Query { ${times(2, 'me { id }')} }`)} query A { a }`,
  ),
  '900 unknown fields': body(`{ ${times(900, (at) => `a${at}`)} }`),
  '900 times one unknown field': body(`{ ${times(900, 'a')} }`),
  '48 unknown fields of 2,000 characters': body(`{ ${times(48, (at) => `a${at}${'x'.repeat(1_950)}`)} }`),
  'an unknown field of 95,000 characters': body(`{ ${LONG} }`),
  'an unknown type of 95,000 characters': body(`query ($a: ${LONG}) { __typename }`),
  'an unknown fragment of 95,000 characters': body(`{ ...${LONG} }`),
  'an unknown directive of 95,000 characters': body(`{ __typename @${LONG} }`),
  'an unknown argument of 95,000 characters': body(`{ user(${LONG}: 1) { id } }`),
  'two fields under one alias of 47,000 characters': body(
    `{ ${'x'.repeat(47_000)}: __typename ${'x'.repeat(47_000)}: me { id } }`,
  ),
  'a name of an operation of 95,000 characters': `{"query":"{ __typename }","operationName":"${LONG}"}`,
  '280 fields under one alias': body(`{ ${times(280, (at) => `a: ${at % 2 ? '__typename' : 'me { id }'}`)} }`),
  '100 fields of 100 fields under one alias': body(
    `{ ${times(100, (at) => `me { a: ${at % 2 ? 'id' : 'email'} b: ${at % 3 ? 'id' : 'name'} }`)} }`,
  ),
  '45 fragments that conflict': body(
    `{ ${times(45, (at) => `...F${at}`)} } ${times(45, (at) => `fragment F${at} on Query { a: ${at % 2 ? 'me' : 'node'} { id } ...F${(at + 1) % 45} }`)}`,
  ),
  '45 fragments that are not used': body(
    `{ __typename } ${times(45, (at) => `fragment F${at} on Query { ${times(10, 'x')} }`)}`,
  ),
  '140 times one directive': body(`{ __typename ${times(140, '@include(if: true)')} }`),
  '900 unknown directives': body(`{ __typename ${times(900, (at) => `@d${at}`)} }`),
  '100 errors behind 45,000 lines': body(`{ ${'\n'.repeat(45_000)} ${times(100, (at) => `a${at}`)} }`),
  'a place that is wrong behind 45,000 lines': body(`{ ${'\n'.repeat(45_000)}`),
  '300 operations without a name': body(times(300, '{ a }')),
  '190 operations of one name': body(times(190, 'query A { a }')),
  'more tokens than are read': body(`{ ${times(45_000, 'a')} }`),
  'a text that does not end': body(`{ user(id: "${'\\u0041'.repeat(7_000)}`),
  'a comment of 95,000 characters': body(`#${LONG}`),
  'levels that do not end': body(`{ ${'me { '.repeat(330)}`),
  'a fragment in itself, 480 times': body(`{ ...F } fragment F on Query { ${times(480, '...F')} __typename }`),
  'JSON that is not closed': `{"query":${'['.repeat(95_000)}`,
  'a list as the body': `[${times(5_000, '{"query":""}', ',')}]`,
  'levels of extensions': `{"query":"{ __typename }","extensions":${'{"a":'.repeat(12_000)}1${'}'.repeat(12_000)}}`,
  '9,000 extensions': `{"query":"{ __typename }","extensions":{${times(9_000, (at) => `"k${at}":[]`, ',')}}}`,
};
