import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3Location } from '../../src/config/config.js';
import { type Archive, SUFFIX } from './archive.js';

/** Of one request; less than the lease of a step. */
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
  const within = { Bucket: bucket, Prefix: prefix, Delimiter: '/' };
  return {
    async put(name, content) {
      const file = { Key: `${prefix}${name}`, Body: content, ContentType: 'application/jose' };
      const abortSignal = AbortSignal.timeout(TIMEOUT_MS);
      await client.send(new PutObjectCommand({ Bucket: bucket, ...file }), { abortSignal });
    },

    async removeOlderThan(cutoff, stopping) {
      const untilStopped = () => ({ abortSignal: AbortSignal.any([stopping, AbortSignal.timeout(TIMEOUT_MS)]) });
      let removed = 0;
      let ContinuationToken: string | undefined;
      do {
        const list = new ListObjectsV2Command({ ...within, ContinuationToken });
        const { Contents: files = [], NextContinuationToken } = await client.send(list, untilStopped());
        for (const { Key, LastModified } of files) {
          if (!Key?.endsWith(SUFFIX) || !LastModified || LastModified >= cutoff) continue;
          await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }), untilStopped());
          removed += 1;
        }
        ContinuationToken = NextContinuationToken;
      } while (ContinuationToken);
      return removed;
    },
  };
}
