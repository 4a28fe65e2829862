/** Why a step could not be done, in words for an admin: nothing personal, and no secret. */
export class StepFailure extends Error {}
