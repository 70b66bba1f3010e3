/** Awaits what one flight has sent, and tells which statement failed. */

type Answers<T extends readonly unknown[]> = { -readonly [I in keyof T]: Awaited<T[I]> };

/**
 * Returns the answers of statements in the order in which they were sent. Rejects with the error of the first one that
 * failed, when all are answered: those after it in its transaction fail too, for no reason of their own.
 */
export async function inOrder<const T extends readonly unknown[]>(sent: T): Promise<Answers<T>> {
  const answers = await Promise.allSettled(sent);
  const failed = answers.find((answer) => answer.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  // Each one is fulfilled.
  return answers.map((answer) => (answer as PromiseFulfilledResult<unknown>).value) as Answers<T>;
}
