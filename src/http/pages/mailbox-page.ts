import type { SentMail } from '../../mail/mailbox.js';
import { escapeHtml } from '../../text/html.js';

/** Nothing runs here: a mail can hold what a stranger typed. */
export const MAILBOX_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'";

/** Development's mailbox as a page; each mail's HTML in a frame that may do nothing but open links elsewhere. */
export const mailboxPage = (mails: SentMail[]) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Development mailbox</title>
<style>
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif }
article { margin: 1.5rem 0; border-top: 1px solid #8888 }
h2 { font-size: 1.1rem; margin: 1rem 0 0 }
iframe { width: 100%; height: 26rem; border: 1px solid #8888; border-radius: 4px }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
</style>
</head>
<body>
<h1>Development mailbox</h1>
<p>What was sent, newest first. <a href="mail.json">As JSON</a></p>
${mails.map(article).join('\n') || '<p>Nothing yet.</p>'}
</body>
</html>
`;

const article = ({ to, from, sentAt, subject, text, html }: SentMail) => `<article>
<h2>${escapeHtml(subject)}</h2>
<p>To ${escapeHtml(to)}, from ${escapeHtml(from)}, <time>${escapeHtml(sentAt)}</time></p>
<iframe title="${escapeHtml(subject)}" sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="${escapeHtml(html.replace('<head>', '<head><base target="_blank">'))}"></iframe>
<details><summary>Text</summary><pre>${linked(text)}</pre></details>
</article>`;

const linked = (text: string) => escapeHtml(text).replace(/^https?:\S+$/gm, (url) => `<a href="${url}">${url}</a>`);
