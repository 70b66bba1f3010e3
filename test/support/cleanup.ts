/** What a test sets up is taken down in the opposite order: services stop before their folders go. */
import type { TestContext } from "node:test";

type Cleanup = () => unknown;

const cleanups = new WeakMap<TestContext, Cleanup[]>();

/** Does this when the test is over, however it ended, before everything that was deferred earlier. */
export function defer(t: TestContext, cleanup: Cleanup): void {
  const present = cleanups.get(t);
  if (present !== undefined) {
    present.push(cleanup);
    return;
  }
  const stack = [cleanup];
  cleanups.set(t, stack);
  t.after(async () => {
    const errors: unknown[] = [];
    for (const each of stack.toReversed()) {
      try {
        await each();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `cleaning up failed: ${errors.join("; ")}`);
  });
}
