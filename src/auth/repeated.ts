/** Within this time the same request again is a repetition: a second click, or a client that did not get the answer. */
const REPEATED_WITHIN_MS = 60_000;

/** Since when something was done that a request may repeat. */
export const repeatable = (now = new Date()) => new Date(now.getTime() - REPEATED_WITHIN_MS);
