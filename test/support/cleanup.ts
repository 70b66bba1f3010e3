/** What a test sets up is taken down in the opposite order: services stop before their folders go. */

type Cleanup = () => unknown;

/** A test; or, for what all tests of a file share, `{ after }` of node:test, outside of any. */
export interface Scope {
  readonly after: (cleanup: Cleanup) => void;
}

const cleanups = new WeakMap<Scope, Cleanup[]>();

/** Does this when the test is over, however it ended, before everything that was deferred earlier. */
export function defer(t: Scope, cleanup: Cleanup): void {
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
