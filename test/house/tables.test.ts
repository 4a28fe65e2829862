// Tables of the documentation say what the code does: each is made from the one place that defines it.

import { readFileSync } from 'node:fs';
import { describe, test } from '@jest/globals';
import { SETTING_NAMES, SETTINGS } from '../../src/config/settings.js';
import { ERROR_CODES } from '../../src/errors.js';
import { MAX_FRAGMENTS, MAX_LINES, MAX_TOKENS } from '../../src/graphql/document-rules.js';
import { INPUT_LIMITS } from '../../src/graphql/input-bounds.js';
import { OPERATION_LIMITS } from '../../src/graphql/operation-limits.js';
import { CONNECTION_LIMITS } from '../../src/http/connections.js';
import { MAX_ANSWER_BYTES } from '../../src/http/graphql.js';
import { MAX_BODY_BYTES } from '../../src/http/http-errors.js';
import { MAX_OF_ALL, MAX_OF_NETWORK } from '../../src/password/hash-pool.js';
import { LIMIT_NAMES, LIMITS, limitOf } from '../../src/throttle/limits.js';
import { expectCurrent } from '../support/current-file.js';
import { ROOT_RULES } from '../support/root-rules.js';

const NGINX_REQUESTS = Number(/limit_conn client (\d+)/.exec(readFileSync('nginx/nginx.conf.template', 'utf8'))?.[1]);

describe('tables of the documentation', () => {
  const table = (head: string[], rows: string[][]) =>
    [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const codesOf = (codes: readonly string[]) => codes.map((code) => `\`${code}\``).join(', ');

  test('docs/operations.md has every operation with its rule and codes', () => {
    const rows = ROOT_RULES.map(({ field, access, codes }) => [
      `\`${field.name}\``,
      String(field.description).replaceAll('\n', ' '),
      access,
      codesOf(codes),
    ]);

    expectCurrent('docs/operations.md', `${OPERATIONS_HEAD}\n${table(['operation', 'does', 'rule', 'codes'], rows)}\n`);
  });

  test('docs/errors.md has every code', () => {
    const rows = Object.entries(ERROR_CODES).map(([code, means]) => [`\`${code}\``, means]);

    expectCurrent('docs/errors.md', `${ERRORS_HEAD}\n${table(['code', 'means'], rows)}\n`);
  });

  test('docs/settings.md has every setting, and who needs it', () => {
    const rows = SETTING_NAMES.map((name) => {
      const { default: inWords, fallback, description, needed } = SETTINGS[name];
      const value = inWords ?? (fallback === null ? '' : `\`${fallback}\``);
      const needing = needed?.by.map((program) => `\`${program}\``).join(', ') ?? '';
      return [`\`${name}\``, value, description, needing];
    });

    expectCurrent(
      'docs/settings.md',
      `${SETTINGS_HEAD}\n${table(['setting', 'default', 'meaning', 'needed in production by'], rows)}\n`,
    );
  });

  test('docs/limits.md has every limit', () => {
    const attempts = LIMIT_NAMES.map((name) => {
      const { most, seconds } = limitOf(LIMITS, name);
      return [`\`${name}\``, most.toLocaleString('en'), seconds.toLocaleString('en')];
    });
    const others = [
      ['bytes of a body', MAX_BODY_BYTES, '`BODY_TOO_LARGE`'],
      ['words and signs of a document', MAX_TOKENS, '`TOO_MANY_TOKENS`'],
      ['lines of a document', MAX_LINES, '`TOO_MANY_LINES`'],
      ['fragments of a document', MAX_FRAGMENTS, '`TOO_MANY_FRAGMENTS`'],
      ['items of a list in variables or the document', INPUT_LIMITS.items, '`BAD_USER_INPUT`'],
      ['bytes of an answer to a query', MAX_ANSWER_BYTES, '`RESPONSE_TOO_LARGE`'],
      ['seconds of an operation (`EXECUTION_TIMEOUT_SECONDS`)', 10, '`EXECUTION_TIMEOUT`'],
      ['seconds of a statement (the same)', 10, '`SERVICE_OVERLOADED`'],
      ['connections of one network', CONNECTION_LIMITS.network, 'the oldest that has brought no request is closed'],
      ['connections of all', CONNECTION_LIMITS.total, 'the newest is closed'],
      ['requests of one client under way at nginx', NGINX_REQUESTS, 'the next is answered with 429, `RATE_LIMITED`'],
      ['hashes of one network, waiting or running', MAX_OF_NETWORK, '`SERVICE_OVERLOADED`'],
      ['hashes of all', MAX_OF_ALL, '`SERVICE_OVERLOADED`'],
    ].map(([what, most, code]) => [String(what), most?.toLocaleString('en') ?? '', String(code)]);
    const operation = Object.values(OPERATION_LIMITS).map(({ most, code, what }) => [
      what,
      most.toLocaleString('en'),
      `\`${code}\``,
    ]);

    expectCurrent(
      'docs/limits.md',
      `${LIMITS_HEAD}\n${table(['limit', 'most', 'in seconds'], attempts)}\n\n${OPERATION_LIMITS_HEAD}\n${table(['what', 'most', 'beyond it'], [...operation, ...others])}\n`,
    );
  });
});

const GENERATED = '<!-- Made by `UPDATE_DOCS=1 npm test -- --selectProjects house`. Change what it is made from. -->';

const OPERATIONS_HEAD = `# Operations
${GENERATED}

There is one endpoint, \`POST /graphql\`. [api.md](api.md) has each operation with an example and its answer;
[\`schema.graphql\`](../schema.graphql) is the contract.

Rules: \`PUBLIC\` anyone; \`SIGNED_IN\` any signed-in user; \`SELF_OR_ADMIN\` the user it is about, or an admin; \`ADMIN\`
admins. A member who asks for somebody else gets \`FORBIDDEN\` before anything is looked up. [access.md](access.md) has
every field for every kind of viewer.

\`register\` tells that an address is taken (\`EMAIL_TAKEN\`), because it signs in at once. Operations that send mail do
not: they answer and cost the same whether or not an account has the address.
`;

const ERRORS_HEAD = `# Errors
${GENERATED}

Every error has \`extensions.code\`, one of these. \`path\` or \`issues\` name the place in the input, never the value. Any
field may also fail with \`UNAUTHENTICATED\`, \`FORBIDDEN\`, \`RATE_LIMITED\` or \`SERVICE_OVERLOADED\`. Each answer has the
header \`x-request-id\`, which the log has, too.

The status is 200 where anything of the operation ran. A request that cannot be run has 400; clients that name
\`application/json\` in \`Accept\`, and not \`application/graphql-response+json\`, get 200 for it, as GraphQL over HTTP has
it for them. Where all of an operation failed and may be tried later, \`RATE_LIMITED\` has 429 and
\`SERVICE_OVERLOADED\` 503, both with \`Retry-After\`.

In production an error has no name of the schema that the client did not send. A document that does not fit is told
\`The document does not fit the schema.\`, and no more: check it against \`schema.graphql\`.
`;

const SETTINGS_HEAD = `# Settings
${GENERATED}

Settings are variables of the environment. Each may also be given as \`NAME_FILE\`, the path of a file that holds the value.
[\`.env.example\`](../.env.example) has them all. Mistakes, contradictions and misspelt names are listed together, and
nothing starts. An \`HSTS\` that is taken back does not reach browsers before their year is over: start with \`host\`.
`;

const LIMITS_HEAD = `# Limits
${GENERATED}

## Attempts

Attempts are counted where their work is done, before it is. A refusal has the code \`RATE_LIMITED\` with
\`retryAfterSeconds\`, the status 429 and the header \`Retry-After\`. It is the same for an address without an account.

\`account\` is an e-mail address for \`login\`, \`register\` and \`requestPasswordReset\`; the user for
\`requestEmailVerification\`; the session for \`refresh\`, \`changePassword\` and \`requestEmailChange\`; the token for
\`useLink\`, which is \`resetPassword\`, \`verifyEmail\` and \`confirmEmailChange\`. \`network\` is an IPv4 address or an IPv6
/64. Each time begins with the first attempt.

- \`login.account\` counts failed sign-ins from unknown devices. A sign-in answers \`deviceToken\`; a device that sends it
  with its next login is known, and only \`login.device\` counts for it. So strangers keep no owner out.
- \`login.failures\` are failed sign-ins of one network for one account. Beyond it each has to wait, 1 second first,
  then twice as long as before, up to 15 minutes.
- \`mail.recipient\` are mails to an address that the client names and need not own: of \`register\` and
  \`requestEmailChange\`. \`requestPasswordReset.account\` and \`requestEmailVerification.account\` are counts of their own, so
  strangers use up no owner's links. Notices of changes are always sent.

Counts are kept in Redis, without addresses of accounts. While Redis does not answer, each instance counts for itself and
allows a fifth. Other values are set by \`LIMITS\`. An operator sees and resets counts:

\`\`\`sh
npm run limits:show                                   # those that are reached
npm run limits:show -- --account ada@example.com      # or --network 192.0.2.1, or --all
npm run limits:reset -- --account ada@example.com     # or --network 192.0.2.1, or --all
\`\`\`

In a container the same is \`node dist/src/commands/limits-show.js\` and \`limits-reset.js\`.
`;

const OPERATION_LIMITS_HEAD = `## One request

A refusal has \`limit\`. What it refuses before the execution does not run at all. Operations that cost more than 100 run one
after the other, so small requests need not wait for many of them.
`;
