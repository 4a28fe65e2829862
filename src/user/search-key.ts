/** Letters with a stroke have no decomposition, and are searched and ordered with those without. */
const STROKES: Record<string, string> = { ø: 'o', đ: 'd', ð: 'd', ł: 'l', ħ: 'h', ŧ: 't', æ: 'ae', œ: 'oe', þ: 'th' };
/** With an id and in UTF-8 an entry of an index may have 2,704 bytes, and one character may become 18. */
const MAX_LENGTH = 600;

/**
 * What a text is found and ordered by: the same for its compatible forms, cases and accents, by one rule that no locale
 * and no collation changes. Full case folding (the capital of ß is SS, and a capital sigma has one small form) by way
 * of both cases; marks are those of Latin, Greek and Cyrillic, for others are vowels. Invisible characters and repeated
 * blanks do not count.
 */
export function searchKey(text: string): string {
  const plain = text.normalize('NFKD').replace(/[\u0300-\u036f\p{Default_Ignorable_Code_Point}]/gu, '');
  const folded = plain.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ');
  const key = folded
    .replace(/[øđðłħŧæœþ]/g, (letter) => STROKES[letter] ?? letter)
    .normalize('NFC')
    .replace(/\s+/g, ' ')
    .trim();
  return [...key].slice(0, MAX_LENGTH).join('');
}
