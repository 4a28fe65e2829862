import type { Person } from './people.js';

const DELETION = `query ($id: ID!) { userDeletion(id: $id) {
  status receipts { step status attempts lastError } } }`;

type Receipts = Record<string, { status: string; attempts: number; lastError: string | null }>;

/** A deletion as an admin reads it, with its receipts by step. */
export async function deletionOf(root: Person, id: string): Promise<{ status: string; receipts: Receipts }> {
  const { status, receipts } = (await root.ask(DELETION, { id })).data.userDeletion;
  return {
    status,
    receipts: Object.fromEntries(receipts.map(({ step, ...others }: { step: string }) => [step, others])),
  };
}
