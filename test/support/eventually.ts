const LOOK_EVERY_MS = 25;
/** For what hangs: how fast something is, a benchmark says. */
const GIVE_UP_MS = 120_000;

/** Waits for a fact: looks until the assertion holds, and fails with its own words if it never does. */
export async function eventually(assertion: () => void | Promise<void>, giveUpMs = GIVE_UP_MS): Promise<void> {
  const end = Date.now() + giveUpMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
