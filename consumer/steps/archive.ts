import { LockMode } from '@mikro-orm/core';
import { CompactEncrypt } from 'jose';
import { Deletion } from '../../src/deletion/deletion.entity.js';
import { personalDataOf } from '../../src/deletion/personal-data.js';
import { User } from '../../src/user/user.entity.js';
import { type Archive, SUFFIX } from '../archive/archive.js';
import type { Step } from './steps.js';

/**
 * Keeps everything that was held about the user as JSON in a file of their id, encrypted with a key of 32 bytes (JWE in
 * its compact form, RFC 7516, with A256GCM). After the purge it changes nothing.
 */
export const archiveStep =
  (archive: Archive, key: Uint8Array): Step =>
  async ({ userId, requestedAt }, { em }) => {
    const data = await em.fork().transactional(async (em) => {
      // The lease may be over: the purge has taken the data then, or waits for this.
      const { purgedAt } = await em.findOneOrFail(Deletion, { userId }, { lockMode: LockMode.PESSIMISTIC_READ });
      if (purgedAt) return null;
      const user = await em.findOne(User, { id: userId });
      return user && personalDataOf(em, user);
    });
    if (!data) return true;
    const text = JSON.stringify({ userId, deletedAt: requestedAt, data });
    const jwe = await new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', cty: 'json' })
      .encrypt(key);
    await archive.put(`${userId}${SUFFIX}`, jwe);
    return true;
  };
