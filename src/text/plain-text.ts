const CONTROL = /\p{Cc}/u;
const CONTROL_WITHIN_LINES = /[^\P{Cc}\n]/u;
/** Bidi_Control turns a line around for its reader (CVE-2021-42574), as do the deprecated marks beside it. */
const DIRECTION = /[\p{Bidi_Control}\u206a-\u206f]/u;
/**
 * Separators of lines and paragraphs, annotations, private-use and unassigned code points (RFC 8264, 9): each program
 * shows them in another way, and what is unassigned may have another NFC one day. Tags are invisible text, but in the
 * sequence of a flag.
 */
const UNKNOWN =
  /[\p{Zl}\p{Zp}\ufff9-\ufffb\p{Co}\p{Cn}]|(?<!\u{1f3f4}[\u{e0020}-\u{e007e}]*)[\u{e0001}\u{e0020}-\u{e007f}]/u;
/** Five marks on one letter, which cover the lines above and below (UTS 39, 5.4). */
const HEAP = /[\p{Mn}\p{Me}](?:\p{Default_Ignorable_Code_Point}*[\p{Mn}\p{Me}]){4}/u;
/** Something to see: no mark or joiner without its letter, no filler, and none of the symbols whose glyph is blank. */
const VISIBLE = /(?![\p{Default_Ignorable_Code_Point}\u2800\u{1d159}\u{13441}\u{13442}])[\p{L}\p{N}\p{P}\p{S}]/u;

const BLANK = /[\s\p{Default_Ignorable_Code_Point}\u2800]/u;
/** Joiners, selectors and tags belong to the character in front of them. */
const BLANK_AT_THE_END =
  /(?![\u200d\p{Variation_Selector}\u{e0020}-\u{e007f}])[\s\p{Default_Ignorable_Code_Point}\u2800]/u;
const UNSHOWN = new RegExp(`${CONTROL.source}|${DIRECTION.source}|${UNKNOWN.source}`, 'gu');

/**
 * A text that others will read, as it is kept: in NFC and without outer blanks. Joiners and selectors stand where
 * writing needs them.
 * @throws {Error} whose message is the rule that was broken, without a value.
 */
export function plainText(given: unknown, maxLength: number, { lines = false } = {}): string {
  const rule = `must be a text of 1 to ${maxLength} characters without control characters`;
  if (typeof given !== 'string' || !given.isWellFormed()) throw new Error(rule);
  if (DIRECTION.test(given)) throw new Error('must not have controls of direction');
  const text = trimmed(given.normalize('NFC'));
  const length = [...text].length;
  if (length > maxLength || (lines ? CONTROL_WITHIN_LINES : CONTROL).test(text)) throw new Error(rule);
  if (UNKNOWN.test(text)) throw new Error('must not have line separators, tags, private-use or unassigned characters');
  if (HEAP.test(text)) throw new Error('must not have more than 4 combining marks in a row');
  if (!VISIBLE.test(text)) throw new Error(given.trim() === '' ? rule : 'must have a visible character');
  return text;
}

/**
 * The same for a text that is taken as it comes: what may not be shown is left out. Null where nothing is left to see.
 */
export function shownText(given: string, maxLength: number): string | null {
  const characters = [...trimmed(given.toWellFormed().normalize('NFC').replace(UNSHOWN, ''))];
  const text = trimmed(characters.slice(0, maxLength).join(''));
  return VISIBLE.test(text) ? text : null;
}

/** By hand, for a pattern that looks for the end from each blank takes quadratic time. */
function trimmed(text: string): string {
  const characters = [...text];
  const start = characters.findIndex((character) => !BLANK.test(character));
  const end = characters.findLastIndex((character) => !BLANK_AT_THE_END.test(character));
  return start < 0 ? '' : characters.slice(start, end + 1).join('');
}
