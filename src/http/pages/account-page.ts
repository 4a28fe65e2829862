import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const STYLE = `
:root { color-scheme: light dark; --line: #8a8f98; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80 } }
body { margin: 0; font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Apple SD Gothic Neo', 'Malgun Gothic', sans-serif }
main { max-width: 26rem; margin: 0 auto; padding: 12vh 1.25rem 2rem }
h1 { font-size: 1.5rem; line-height: 1.25 }
label { display: block; font-weight: 600 }
input[type='password'], input[type='text'] { box-sizing: border-box; width: 100%; margin: 0.25rem 0 0.75rem; padding: 0.625rem; border: 1px solid var(--line); border-radius: 6px; font: inherit }
.choice { display: flex; gap: 0.5rem; margin-bottom: 1.25rem; font-weight: 400 }
button { padding: 0.75rem 1.25rem; border: 0; border-radius: 6px; background: #1a56db; color: #fff; font: inherit; font-weight: 600; cursor: pointer }
button:disabled { opacity: 0.6; cursor: default }
:focus-visible { outline: 3px solid #76a9fa; outline-offset: 2px }
.bad { color: var(--bad) }
`;

/** Nothing but its own script and style, and calls to its own origin; a form that no script holds goes nowhere. */
export const ACCOUNT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** One page for all of them: `account.js` gives it its words, by the path and the browser's language. */
export const ACCOUNT_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Account</title>
<style>${STYLE}</style>
<script type="module" src="account.js"></script>
</head>
<body>
<main>
<h1 id="title"></h1>
<p id="explanation"></p>
<form id="form" hidden>
<div id="password" hidden>
<label for="new-password" id="new-password-label"></label>
<input id="new-password" type="password" autocomplete="new-password" aria-describedby="outcome">
<label class="choice"><input id="show" type="checkbox"><span id="show-label"></span></label>
</div>
<button id="button"></button>
</form>
<p id="outcome" role="alert"></p>
<noscript><p>This page needs JavaScript.</p><p lang="ko">이 페이지를 사용하려면 JavaScript가 필요합니다.</p></noscript>
</main>
</body>
</html>
`;

/** Beside this file, and beside the chunk that it is in. */
export const ACCOUNT_SCRIPT = readFileSync(join(import.meta.dirname, 'account.js'), 'utf8');
