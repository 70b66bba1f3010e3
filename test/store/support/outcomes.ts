/** Assertions on outcomes. */
import assert from "node:assert/strict";
import type { Reason } from "../../../src/domain/refusal.ts";
import type { Command, Outcome, ResourceOf } from "../../../src/store/commands.ts";
import type { Page } from "../../../src/store/queries.ts";

/** The resource of an outcome that must be OK. */
export function resourceOf<C extends Command>(outcome: Outcome<C>): ResourceOf<C> {
  assert.ok(outcome.ok, outcome.ok ? "" : `refused: ${outcome.refusal.reason}: ${outcome.refusal.message}`);
  return outcome.resource;
}

/** The reason of an outcome that must be a refusal. */
export function reasonOf(outcome: Outcome): Reason {
  assert.ok(!outcome.ok, "accepted, but a refusal was expected");
  return outcome.refusal.reason;
}

/** How many outcomes there are of each sort: "OK" or the refusal's reason. */
export function tally(outcomes: readonly Outcome[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) {
    const sort = outcome.ok ? "OK" : outcome.refusal.reason;
    counts[sort] = (counts[sort] ?? 0) + 1;
  }
  return counts;
}

/** All items of a list, page by page. */
export async function readAll<T>(read: (after: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const page = await read(after);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}
