/** An answer, indented, with what differs each time replaced by something alike. */
export const steady = (answer: object): string =>
  JSON.stringify(answer, null, 2)
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9…')
    .replace(/"(cursor|endCursor|startCursor|refreshToken|deviceToken|token)": "[\w-]+"/g, '"$1": "q83vEjRWeJCrze8…"')
    .replace(
      /\b(?!019362a5)[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}\b/g,
      '01a202b6-fbaf-75f2-9331-2626423344f6',
    )
    .replace(/"expiresIn": \d+/g, '"expiresIn": 2591999')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)/g, '2026-11-22T10:04:36.442Z');
