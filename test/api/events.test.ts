// Every event fits its published schema and holds nothing beyond it; each type is made to happen and is validated.

import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { EVENT_TYPES, eventSchema } from '../../src/events/event-schemas.js';
import type { EventType } from '../../src/events/events.js';
import { OutboxEvent, toCloudEvent } from '../../src/events/outbox.entity.js';
import { describeApi } from '../support/app.js';
import { expectCurrent } from '../support/current-file.js';
import { eventually } from '../support/eventually.js';
import { WITH_BILLING } from '../support/participants.js';
import { WAYS_TO_EVENTS } from './events-table.js';

const PAGE = 'docs/events.md';

/** What others have who read a schema: a validator that knows nothing of ours. */
const newAjv = () => {
  const ajv = new Ajv2020();
  formats.default(ajv);
  return ajv;
};

/** The schema as the producer must keep it: whatever is not in it is not sent. */
function closed(type: EventType) {
  const schema = eventSchema(type);
  const data = { ...schema.properties.data, additionalProperties: false };
  return { ...schema, additionalProperties: false, properties: { ...schema.properties, data } };
}

describeApi(
  'events',
  (app) => {
    /** The event that the way to it has filed, as it goes over the wire. */
    async function happened(type: EventType): Promise<object> {
      const subject = await WAYS_TO_EVENTS[type](app());
      const row = await app().database.em.fork().findOneOrFail(OutboxEvent, { type, subject });
      return JSON.parse(JSON.stringify(toCloudEvent(row)));
    }

    test.each(['user.renamed', 'constructor', '__proto__', 'toString', 'valueOf'])(
      'of the type %s is of no concern to the handlers in this process, and done',
      async (type) => {
        const { em } = app().database;
        const event = new OutboxEvent(type as EventType, 'a thing', { userId: 'none' });
        await em.fork().persist(event).flush();

        await eventually(async () => {
          const rows = await em.execute('select published_at is not null as done from outbox where id = ?', [event.id]);
          expect(rows).toEqual([{ done: true }]);
        });
        const lines = app().logged().split('\n');
        expect(lines.filter((line) => line.includes(event.id) && line.includes('event of no concern'))).toHaveLength(1);
        expect(await em.execute('select id from inbox where id = ?', [event.id])).toEqual([]);
      },
    );

    test('each type has a way to happen', () => {
      expect(Object.keys(WAYS_TO_EVENTS).sort()).toEqual(EVENT_TYPES.toSorted());
    });

    test.each(EVENT_TYPES)('%s fits its schema and says nothing beyond it', async (type) => {
      const validate = newAjv().compile(closed(type));

      validate(await happened(type));

      expect(validate.errors).toBeNull();
    });

    test('docs/events.md has each with an example and its schema', async () => {
      const sections: string[] = [];
      for (const type of EVENT_TYPES) sections.push(section(type, steady(await happened(type))));

      expectCurrent(PAGE, `${INTRODUCTION}\n${sections.join('\n')}`);
    });

    test('the examples of docs/events.md fit the schemas that stand under them', () => {
      const blocks = [...readFileSync(PAGE, 'utf8').matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = '']) =>
        JSON.parse(json),
      );
      const [examples, schemas] = [
        blocks.filter((_, index) => index % 2 === 0),
        blocks.filter((_, index) => index % 2),
      ];

      expect(examples.map(({ type }) => type)).toEqual(EVENT_TYPES);
      for (const [index, schema] of schemas.entries()) {
        const validate = newAjv().compile(schema);
        validate(examples[index]);
        expect([schema.title, validate.errors]).toEqual([examples[index].type, null]);
      }
    });
  },
  {},
  { ...WITH_BILLING, DELETION_GRACE: 'P1D', DELETION_DEADLINE: 'PT20S' },
);

/** An event with ids and times replaced by others of their kind: what was the same id still is. */
function steady(event: object): object {
  const ids: string[] = [];
  const text = JSON.stringify(event)
    .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, (id) => {
      if (!ids.includes(id)) ids.push(id);
      return `01a202b6-fbaf-75f2-9331-26264233440${ids.indexOf(id)}`;
    })
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-11-22T10:04:36.442Z');
  return JSON.parse(text);
}

/** Indented, with what has no braces within on one line. */
const printed = (json: object) =>
  JSON.stringify(json, null, 2).replace(/([{[])\n([^{}[\]]*)\n\s*([}\]])/g, (_, start, inner, end) => {
    const space = start === '{' ? ' ' : '';
    return `${start}${space}${inner.trim().replace(/\n\s*/g, ' ')}${space}${end}`;
  });

const section = (type: EventType, example: object) => `## ${type}

${eventSchema(type).description}

\`\`\`json
${JSON.stringify(example, null, 2)}
\`\`\`

<details>
<summary>JSON Schema</summary>

\`\`\`json
${printed(eventSchema(type))}
\`\`\`

</details>
`;

const INTRODUCTION = `# Events

What other services hear of Gatehouse. \`test/api/events.test.ts\` makes each event happen, holds it to its JSON Schema and keeps this page current.

- **Where**: the topic exchange \`identity.events\` of RabbitMQ. An event's routing key is its type. Without \`AMQP_URL\` events stay in the API's process.
- **Form**: [CloudEvents 1.0](https://github.com/cloudevents/spec) in JSON. The body of the message is the whole event, its content type \`application/json\`. There are
  ids in it and no personal data: who needs more asks the API.
- **At least once**: an event is committed with its change and sent until the broker has confirmed it, so it may come again. Count an \`id\` once.
- **In no promised order**: several instances send at once, and what failed is sent again later. \`time\` says when it happened.
- **Evolution**: a type keeps its name, its members and their meaning; any other change is a new type. Types, members of \`data\` and attributes may be added, so ignore
  what you do not know. The schemas allow additional members for that reason: who validates with today's must not refuse tomorrow's events. The API sends nothing that is not
  in them, and a test holds it to that. A list of values (\`role\`) may grow: update what validates it before the API.
- **Validation**: JSON Schema 2020-12, with \`format\` asserted. Gatehouse's own consumer holds messages to these schemas. One that does not fit, or that fails ten times
  while the database answers, goes to the queue \`identity.consumer.dead\`. Of an unknown type only the envelope is checked, and the event is passed over.

## A queue of your own

Bind a durable queue to the types that you want, each by its name or by a pattern (\`user.*\`, \`#\`). With
[amqplib](https://www.npmjs.com/package/amqplib):

\`\`\`js
await channel.assertExchange('identity.events', 'topic', { durable: true });
await channel.assertQueue('billing', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
await channel.bindQueue('billing', 'identity.events', 'user.deleted');
\`\`\`

It gets what is sent from then on. Acknowledge a message when its effect is safe, and give the queue dead letters of its own. Do not give it the overflow \`reject-publish\`:
what it refuses is not confirmed, so Gatehouse would send it again, to every queue.
`;
