import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { ENVELOPE_SCHEMA, EVENT_TYPES, eventSchema } from './event-schemas.js';
import type { CloudEvent } from './events.js';

const ajv = new Ajv2020();
formats.default(ajv, ['uuid', 'date-time']);

const isEnvelope = ajv.compile<{ type: string }>(ENVELOPE_SCHEMA);
const byType = new Map<string, ValidateFunction>(EVENT_TYPES.map((type) => [type, ajv.compile(eventSchema(type))]));

/**
 * Narrows a received message to an event that fits the schema of its type; of a type that is not known here it is the
 * envelope alone that must fit, for a newer API may say more. @throws {TypeError} naming what does not fit, without its
 * value.
 */
export function parseCloudEvent(message: unknown): CloudEvent {
  assertFits(isEnvelope, message);
  const isOfItsType = byType.get((message as { type: string }).type);
  if (isOfItsType) assertFits(isOfItsType, message);
  return message as CloudEvent;
}

function assertFits(validate: ValidateFunction, message: unknown): void {
  if (validate(message)) return;
  const [{ instancePath = '', message: complaint } = {}] = validate.errors ?? [];
  throw new TypeError(`${instancePath.slice(1).replaceAll('/', '.') || 'the event'} ${complaint}`);
}
