import Negotiator from 'negotiator';

/** What mails are written in. */
export enum Language {
  ENGLISH = 'en',
  KOREAN = 'ko',
}

/**
 * Of the languages that mails are written in, the one that an `Accept-Language` header likes best (RFC 9110, 12.5.4);
 * English if none.
 */
export function languageOf(header: string | undefined): Language {
  const known = Object.values(Language);
  const best = new Negotiator({ headers: { 'accept-language': header } }).language(known);
  return known.find((language) => language === best) ?? Language.ENGLISH;
}
