import { type AnswerError, GatehouseError } from './errors.js';

export interface Answer<Data> {
  data?: Data | null;
  errors?: AnswerError[];
}

export function dataOf<Data>({ data, errors }: Answer<Data>): Data {
  if (errors && errors.length > 0) throw new GatehouseError(errors);
  if (!data) throw new GatehouseError([]);
  return data;
}

export const isRefusal = (error: unknown) => error instanceof GatehouseError && error.code === 'UNAUTHENTICATED';

/** What is public is answered without an error. */
export const isTokenRefused = ({ headers }: Response) =>
  headers.get('www-authenticate')?.includes('error="invalid_token"') ?? false;

/** False where the request does not say, as one that names its document by a hash. */
export async function saysQuery(input: RequestInfo | URL, init?: RequestInit): Promise<boolean> {
  try {
    const request = new Request(input instanceof Request ? input.clone() : input, init);
    if (request.method === 'GET') return true;
    const { query } = (await request.json()) as { query?: unknown };
    return typeof query === 'string' && !/\bmutation\b/.test(query);
  } catch {
    return false;
  }
}

export async function isUnauthenticated(response: Response): Promise<boolean> {
  try {
    const { errors = [] } = (await response.clone().json()) as Answer<unknown>;
    return errors.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
  } catch {
    return false;
  }
}
