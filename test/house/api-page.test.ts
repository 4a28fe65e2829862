// docs/api.md has each operation with an answer of the API: each example is run, and the page is made from what it answers.

import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { type FieldNode, type OperationDefinitionNode, parse, print } from 'graphql';
import { createAdmin } from '../../src/account/first-admin.js';
import { DEVELOPMENT_ADMIN } from '../../src/config/config.js';
import type { FieldRule } from '../../src/graphql/rules.js';
import type { LinkPage } from '../../src/mail/link-pages.js';
import { describeApi } from '../support/app.js';
import { expectCurrent } from '../support/current-file.js';
import { eventually } from '../support/eventually.js';
import { sentToken } from '../support/links.js';
import { acknowledgementOf, WITH_BILLING } from '../support/participants.js';
import { type Answer, ask, LOGIN } from '../support/people.js';
import { ROOT_RULES } from '../support/root-rules.js';
import { steady } from '../support/steady.js';

const EXAMPLES = readFileSync('examples.graphql', 'utf8');

interface Example {
  name: string;
  field: string;
  comment: string;
  operation: OperationDefinitionNode;
}

const examples: Example[] = (parse(EXAMPLES).definitions as OperationDefinitionNode[]).map((operation) => {
  const before = EXAMPLES.slice(0, operation.loc?.start).trimEnd().split('\n').at(-1) ?? '';
  const [root] = operation.selectionSet.selections as FieldNode[];
  return {
    name: operation.name?.value ?? '',
    field: root?.name.value ?? '',
    comment: before.replace(/^# /, ''),
    operation,
  };
});

/** Where the token of an example was sent, and for what. */
const LINKS: Record<string, [string, LinkPage]> = {
  verifyEmail: ['ada@example.com', 'verify-email'],
  resetPassword: ['ada@example.com', 'reset-password'],
  confirmEmailChange: ['ada.lovelace@example.com', 'change-email'],
};

const CREDENTIALS_AFTER: Record<string, { email?: string; password?: string }> = {
  ChangePassword: { password: 'a quite different one' },
  ResetPassword: { password: 'the third and best one' },
  ConfirmEmailChange: { email: 'ada.lovelace@example.com' },
};

describeApi(
  'docs/api.md',
  (app) => {
    test('has every operation with its rule, its codes, an example and its answer', async () => {
      await createAdmin(app().services.audit, app().passwords, DEVELOPMENT_ADMIN);
      const known: Record<string, string> = { ...DEVELOPMENT_ADMIN };
      const tokens: Record<string, string> = {};
      const ada = { email: 'ada@example.com', password: 'correct horse battery' };
      const sections: string[] = [];
      for (const { name, field, comment, operation } of examples) {
        const isNew = name === 'Register';
        if (!isNew) {
          // Anew each time, for some of them end the session that they are sent with.
          const { data } = await ask(app(), LOGIN, { input: ada });
          if (data) {
            const { user, refreshToken, session, accessToken } = data.login;
            Object.assign(known, { id: user.id, refreshToken, sessionId: session.id });
            tokens.ada = accessToken;
          }
        }
        const link = LINKS[field];
        if (link) known.token = await sentToken(app(), ...link);
        if (known.id) known.acknowledgement = acknowledgementOf(known.id);
        const variables = variablesOf(operation, known);
        if (name === 'UserDeletion') await eventually(() => expect(app().logged()).toContain('"step":"purge"'));
        const token = isNew ? undefined : comment.startsWith('Admins') ? tokens.admin : tokens.ada;
        const answer = await ask(app(), print(operation), variables, token);
        expect([name, answer.errors]).toEqual([name, []]);
        if (name === 'Login') tokens.admin = answer.data.login.accessToken;
        Object.assign(ada, CREDENTIALS_AFTER[name]);
        const rule = ROOT_RULES.find((rule) => rule.field.name === field);
        sections.push(
          section(
            rule as FieldRule,
            comment,
            operation,
            variables,
            name === 'ExportMyData' ? shortened(answer) : answer,
          ),
        );
      }

      expect(examples.map(({ field }) => field).sort()).toEqual(ROOT_RULES.map(({ field }) => field.name).sort());
      expectCurrent('docs/api.md', `${INTRODUCTION}\n${sections.join('\n')}`);
    });
  },
  {},
  WITH_BILLING,
);

/** The first rows of two tables: all others take pages, and change from run to run. */
function shortened({ data, ...answer }: Answer): Answer {
  const { users, sessions } = data.exportMyData.data;
  return {
    ...answer,
    data: { exportMyData: { ...data.exportMyData, data: { users, sessions: sessions.slice(0, 1) } } },
  };
}

const variablesOf = ({ variableDefinitions = [] }: OperationDefinitionNode, known: Record<string, string>) =>
  Object.fromEntries(
    variableDefinitions
      .filter(({ type }) => type.kind === 'NonNullType')
      .map(({ variable }) => [variable.name.value, known[variable.name.value]]),
  );

const INTRODUCTION = `# The API, operation by operation

Generated from the schema and \`examples.graphql\` by \`test/house/api-page.test.ts\`, which runs every example and keeps this page current. All of it is one
endpoint, \`POST /graphql\`. Ids, tokens, times and cursors are replaced by others of their kind.
`;

function section(
  rule: FieldRule,
  comment: string,
  operation: OperationDefinitionNode,
  variables: object,
  { data }: Answer,
): string {
  const codes = rule.codes.length > 0 ? rule.codes.map((code) => `\`${code}\``).join(', ') : 'none of its own';
  const given = Object.keys(variables).length > 0 ? `\nVariables:\n\n\`\`\`json\n${steady(variables)}\n\`\`\`\n` : '';
  return `## ${rule.field.name}

${rule.field.description}

- **Rule**: \`${rule.access}\`. ${comment}
- **Codes**: ${codes}

\`\`\`graphql
${print(operation)}
\`\`\`
${given}
Answer:

\`\`\`json
${steady({ data })}
\`\`\`
`;
}
