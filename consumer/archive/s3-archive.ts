import { DeleteObjectCommand, PutObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import type { S3Location } from '../../src/config/config.js';
import { type Archive, SUFFIX } from './archive.js';

/** Less than the lease of a step. */
const TIMEOUT_MS = 20_000;

/**
 * Objects of a bucket on S3, or on a store that speaks its protocol. Who may write is found by the SDK: variables
 * AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the role of the machine.
 */
export function s3Archive({ bucket, prefix, region, endpoint }: S3Location): Archive {
  const client = new S3Client({
    region,
    // Other stores have no host for each bucket, and some know none of the newer checksums.
    ...(endpoint && { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    // A step is tried again by its worker.
    maxAttempts: 1,
  });
  const inTime = () => ({ abortSignal: AbortSignal.timeout(TIMEOUT_MS) });
  const within = { Bucket: bucket, Prefix: prefix, Delimiter: '/' };
  return {
    async put(name, content) {
      const file = { Key: `${prefix}${name}`, Body: content, ContentType: 'application/jose' };
      await client.send(new PutObjectCommand({ Bucket: bucket, ...file }), inTime());
    },

    async removeOlderThan(cutoff, stopping) {
      let removed = 0;
      for await (const { Contents: files = [] } of paginateListObjectsV2({ client }, within)) {
        for (const { Key, LastModified } of files) {
          if (stopping.aborted) return removed;
          if (!Key?.endsWith(SUFFIX) || !LastModified || LastModified >= cutoff) continue;
          await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }), inTime());
          removed += 1;
        }
      }
      return removed;
    },
  };
}
