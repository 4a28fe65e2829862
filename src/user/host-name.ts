import { toASCII, toUnicode } from 'tr46';

/** UTS 46, non-transitional as in IDNA 2008. Hyphens may stand third and fourth in a label: there are such hosts. */
const RULES = { checkBidi: true, checkJoiners: true, useSTD3ASCIIRules: true, verifyDNSLength: true };

/** Programs read such a host as an IPv4 address (URL Standard, "ends in a number"). */
const NUMBER_AT_THE_END = /(?:^|\.)(?:\d+|0x[\da-f]*)$/;

const HYPHEN_AT_AN_END = /(?:^|\.)-|-(?:\.|$)/;

/** The ASCII form of a host's name, in lower case; null for what is none. Takes quadratic time. */
export function hostInAscii(name: string): string | null {
  const host = toASCII(name, RULES);
  if (!host || NUMBER_AT_THE_END.test(host)) return null;
  return HYPHEN_AT_AN_END.test(toUnicode(host, RULES).domain) ? null : host;
}

/** The same for a part of a name, which somebody looks for. */
export const partInAscii = (part: string) => toASCII(part, { ...RULES, verifyDNSLength: false });

const ASCII = /^\p{ASCII}+$/u;
const LETTERS = /^[-\da-z\p{L}\p{M}]+$/u;
/** Letters of ASCII, and those that are one with marks. Others pass for them, such as the dotless i. */
const LATIN = /^[-\da-zßæøđłœ]+$/;
/** Japanese, Korean and Chinese as they are written, and scripts of which no word can be taken for a Latin one. */
const UNLIKE_LATIN = [
  /^[-\da-z\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}]+$/u,
  /^[-\da-z\p{scx=Han}가-힣]+$/u,
  /^[-\da-z\p{scx=Han}\p{scx=Bopomofo}]+$/u,
  /^[-\d\p{scx=Arabic}]+$/u,
  /^[-\d\p{scx=Devanagari}]+$/u,
];
/** Beside ASCII they pass for a stroke, a dash or a dot. */
const LIKE_PUNCTUATION = /^(?=.*[a-z]).*[ノンソゾー一丶〱]/u;
/**
 * The other scripts in use (UAX 31, table 5): a word such as `аррӏе` may look Latin, but not where the last label is of
 * its own script.
 */
const LIKE_LATIN = (
  'Armenian Bengali Cyrillic Ethiopic Georgian Greek Gujarati Gurmukhi Hebrew Kannada Khmer Lao Malayalam Myanmar Oriya Sinhala Tamil Telugu ' +
  'Thaana Thai Tibetan'
)
  .split(' ')
  .map((script) => new RegExp(`^[-\\d\\p{scx=${script}}]+$`, 'u'));

/**
 * A host's name in its own letters, where these cannot be taken for another name (UTS 39, 5.2: one script a label, or a
 * usual mix), else in ASCII as it is.
 */
export function hostInLetters(host: string): string {
  if (!/(?:^|\.)xn--/.test(host)) return host;
  const { domain, error } = toUnicode(host, RULES);
  const labels = domain.split('.');
  const last = labels.at(-1) ?? '';
  return !error && labels.every((label) => isUnmistakable(label, last)) ? domain : host;
}

function isUnmistakable(label: string, last: string): boolean {
  if (ASCII.test(label)) return true;
  if (!LETTERS.test(label) || LIKE_PUNCTUATION.test(label)) return false;
  const isLatin = !/\p{M}/u.test(label) && LATIN.test(label.normalize('NFD').replace(/[\u0300-\u036f]/g, ''));
  if (isLatin || UNLIKE_LATIN.some((writing) => writing.test(label))) return true;
  return LIKE_LATIN.some((writing) => writing.test(label) && writing.test(last) && !ASCII.test(last));
}
