/** What the contract suite needs of an engine: the same tests run against every one. */
import type { TestContext } from "node:test";
import type { Limits } from "../../../src/store/limits.ts";
import type { Store } from "../../../src/store/store.ts";
import type { TestClock } from "../support/sqlite-fixture.ts";

export interface ContractStore {
  /** Has the organization `default`; its sweeper runs when it is called and not by itself. */
  readonly store: Store & { sweep(): Promise<void> };
  readonly clock: TestClock;
}

/** Opens a store of its own for a test and closes it after. */
export type OpenStore = (
  test: Pick<TestContext, "after">,
  options?: { readonly limits?: Partial<Limits> },
) => Promise<ContractStore>;
