import type { Client } from '../../src/request/actor.js';
import { Language } from '../../src/request/language.js';

export const clientFrom = (ipAddress: string | null): Client => ({
  userAgent: null,
  ipAddress,
  language: Language.ENGLISH,
});
