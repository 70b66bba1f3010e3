/** Reads what strace saw: did every answer leave after its commit was on disk? */

interface Call {
  readonly kind: "walWrite" | "walSync" | "answer";
  /** The bytes written, as strace shows them. */
  readonly text: string;
}

/**
 * One entry per system call of interest. A sync counts when it returns, everything else when it is made: a call that
 * strace shows in two parts was made at the first and returned at the second.
 */
export function parseStrace(log: string): readonly Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, string>();
  for (const line of log.split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. (\w+) resumed>/.exec(rest);
    const begun = resumed === null ? rest : (unfinished.get(thread) ?? "");
    const isHalf = rest.endsWith("<unfinished ...>");
    if (isHalf) unfinished.set(thread, rest);
    const call = toCall(begun);
    if (call === undefined) continue;
    if (call.kind === "walSync" ? !isHalf : resumed === null) calls.push(call);
  }
  return calls;
}

function toCall(text: string): Call | undefined {
  if (/^(fsync|fdatasync)\(\d+<[^>]*-wal>/.test(text)) return { kind: "walSync", text };
  if (/^pwrite64\(\d+<[^>]*-wal>/.test(text)) return { kind: "walWrite", text };
  if (/^write\(1<[^>]*>, "OK /.test(text)) return { kind: "answer", text };
  return undefined;
}

/** The marks whose answer left before a sync of the WAL that follows the write of their event. */
export function findEarlyAnswers(calls: readonly Call[]): readonly string[] {
  const early: string[] = [];
  for (const [index, { kind, text }] of calls.entries()) {
    if (kind !== "answer") continue;
    const mark = /OK (mark-\S+?-end)/.exec(text)?.[1] ?? text;
    const before = calls.slice(0, index);
    const written = before.findIndex((call) => call.kind === "walWrite" && call.text.includes(mark));
    const synced = before.findIndex((call, place) => place > written && call.kind === "walSync");
    // Between the event's page and the sync the rest of the batch was written; nothing of it may come after.
    const isWhole = synced > written && before.slice(synced).every((call) => call.kind !== "walWrite");
    if (written === -1 || !isWhole) early.push(mark);
  }
  return early;
}

export function countAnswers(calls: readonly Call[]): number {
  return calls.filter(({ kind }) => kind === "answer").length;
}
