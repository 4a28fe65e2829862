import { Language } from '../request/language.js';
import { escapeHtml } from '../text/html.js';
import { shownText } from '../text/plain-text.js';
import type { MailKind } from './mail.entity.js';
import { english } from './words.en.js';
import type { Words } from './words.js';
import { korean } from './words.ko.js';

const TEMPLATES = { [Language.ENGLISH]: english, [Language.KOREAN]: korean };

/**
 * Letters with their marks and joiners, and what stands between those of a name. A dot before a letter would be shown
 * as a link.
 */
const NAME = /^(?!.*\.[\p{L}\p{M}\p{Join_Control}])[\p{L}\p{M}\p{Join_Control} .'’-]{1,60}$/u;

interface Facts {
  kind: MailKind;
  language: Language;
  userName: string;
  publicUrl: string;
  /** Null for a kind without one. */
  link: string | null;
}

/** A mail's subject and both its forms. */
export function render({ kind, language, userName, publicUrl, link }: Facts) {
  // Anybody can register somebody's address under the name "You have won, see evil.example", and we would send it.
  const name = NAME.test(userName) ? shownText(userName, userName.length) : null;
  const words = TEMPLATES[language][kind]({ name, service: new URL(publicUrl).host });
  return { subject: words.subject, text: asText(words, link), html: asHtml(words, link, language) };
}

function asText({ greeting, before, after }: Words, link: string | null): string {
  return [greeting, ...before, ...(link ? [link] : []), ...after].join('\n\n').concat('\n');
}

/** No colours of its own but the button's, so it is readable on light and on dark. */
function asHtml({ subject, greeting, before, button, orOpen, after }: Words, link: string | null, language: Language) {
  const paragraph = (text: string) => `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`;
  const action = link && button ? linkAsHtml(escapeHtml(link), button, orOpen) : '';
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(subject)}</title>
</head>
<body style="margin:0;padding:24px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Apple SD Gothic Neo','Malgun Gothic',sans-serif">
<div style="max-width:560px;margin:0 auto">
${[greeting, ...before].map(paragraph).join('\n')}
${action}${after.map(paragraph).join('\n')}
</div>
</body>
</html>
`;
}

const linkAsHtml = (href: string, button: string, orOpen: string) =>
  `<p style="margin:24px 0"><a href="${href}" style="display:inline-block;padding:12px 20px;border-radius:6px;background:#1a56db;color:#ffffff;font-weight:600;text-decoration:none">${escapeHtml(button)}</a></p>
<p style="margin:0 0 16px;font-size:14px">${escapeHtml(orOpen)}<br><a href="${href}" style="word-break:break-all">${href}</a></p>
`;
