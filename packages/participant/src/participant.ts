import type { IncomingMessage, RequestListener } from 'node:http';
import jsonwebtoken from 'jsonwebtoken';
import { Webhook } from 'standardwebhooks';
import type { Inbox } from './inbox.js';

export interface ParticipantOptions {
  /** As in `DELETION_PARTICIPANTS` of Gatehouse. */
  name: string;
  /** `whsec_…`, the same as there. */
  secret: string;
}

/** That a user was deleted, and that what is held about them is to be erased. */
export interface Erasure {
  userId: string;
  /** The user, or an admin. */
  deletedBy: string;
  deletedAt: Date;
}

/** Erases what is held about a user. With an inbox it gets the inbox's transaction, and is called once for a user. */
export type Erase<T> = (erasure: Erasure, transaction: T) => Promise<unknown>;

const MAX_BODY_LENGTH = 10_000;

/** A service that erases what it holds about deleted users, and acknowledges it. */
export class Participant {
  readonly name: string;
  readonly #key: Buffer;
  readonly #webhook: Webhook;

  constructor({ name, secret }: ParticipantOptions) {
    this.name = name;
    this.#webhook = new Webhook(secret);
    this.#key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  }

  /**
   * That the user is erased here: a JWT by HS256, for the body of a message, the answer to a webhook, or the mutation
   * `acknowledgeErasure`.
   */
  acknowledgementOf(userId: string): string {
    const header = { alg: 'HS256', typ: 'erasure+jwt' } as const;
    return jsonwebtoken.sign({}, this.#key, { algorithm: 'HS256', header, issuer: this.name, subject: userId });
  }

  /**
   * What a webhook of Gatehouse says, by its headers and its body as it came; null where it is about something else.
   * @throws {WebhookVerificationError} where it is not signed with the secret, or is older than five minutes.
   */
  erasureIn(headers: Record<string, string>, body: string): Erasure | null {
    return erasureOf(this.#webhook.verify(body, headers));
  }

  /** Answers webhooks of Gatehouse: 200 with the acknowledgement when the user is erased. */
  webhook(erase: Erase<null>): RequestListener;
  webhook<T>(erase: Erase<T>, inbox: Inbox<T>): RequestListener;
  webhook<T>(erase: Erase<T | null>, inbox?: Inbox<T>): RequestListener {
    return async (request, response) => {
      let erasure: Erasure | null;
      try {
        const body = await bodyOf(request);
        erasure = this.erasureIn(request.headers as Record<string, string>, body ?? '');
      } catch {
        // Also where the request ends before its body: what is thrown here would end the process.
        return response.writeHead(401).end();
      }
      if (!erasure) return response.writeHead(204).end();
      try {
        await eraseOnce(erasure, erase, inbox);
      } catch {
        // Gatehouse tells it again.
        return response.writeHead(500).end();
      }
      response.writeHead(200, { 'content-type': 'application/jwt' }).end(this.acknowledgementOf(erasure.userId));
    };
  }
}

/** Of an event or a webhook, which say the same in `type` and `data`; null of another type. */
export function erasureOf(message: unknown): Erasure | null {
  const { type, data } = message as { type?: unknown; data?: Record<string, unknown> };
  if (type !== 'user.deleted') return null;
  const { userId, deletedBy, deletedAt } = data ?? {};
  if (typeof userId !== 'string') throw new TypeError('the message names no user');
  return { userId, deletedBy: String(deletedBy), deletedAt: new Date(String(deletedAt)) };
}

export async function eraseOnce<T>(erasure: Erasure, erase: Erase<T | null>, inbox?: Inbox<T>): Promise<void> {
  if (inbox) await inbox(erasure.userId, (transaction) => erase(erasure, transaction));
  else await erase(erasure, null);
}

/** Null where it is longer than any that Gatehouse sends. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  let body = '';
  for await (const text of request.setEncoding('utf8')) {
    body += text;
    if (body.length > MAX_BODY_LENGTH) return null;
  }
  return body;
}
