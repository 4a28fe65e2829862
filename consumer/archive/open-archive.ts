import type { DeletionArchive } from '../../src/config/config.js';
import type { Archive } from './archive.js';
import { folderArchive } from './folder-archive.js';

/** The SDK of S3 is loaded only where it is asked for. */
export async function openArchive({ place }: DeletionArchive): Promise<Archive> {
  if ('folder' in place) return folderArchive(place.folder);
  const { s3Archive } = await import('./s3-archive.js');
  return s3Archive(place);
}
