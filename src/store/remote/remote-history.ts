/** The history that another thread reads: each slice crosses when it is requested. */
import type {
  ChainLink,
  Checkpoint,
  CheckpointQuery,
  History,
  HistoryHead,
  HistorySlice,
  VerifyQuery,
  VerifyStep,
} from "../history.ts";
import type { Page, ReadOptions } from "../queries.ts";
import type { PortCalls } from "./port-calls.ts";

export class RemoteHistory implements History {
  readonly #calls: PortCalls;

  constructor(calls: PortCalls) {
    this.#calls = calls;
  }

  async head(): Promise<HistoryHead> {
    return (await this.#calls.call("historyHead", [])) as HistoryHead;
  }

  async sign(head: ChainLink): Promise<string | undefined> {
    return (await this.#calls.call("signHead", [head])) as string | undefined;
  }

  async slice(after: number, head: ChainLink): Promise<HistorySlice> {
    return (await this.#calls.call("historySlice", [after, head])) as HistorySlice;
  }

  async verify(query: VerifyQuery): Promise<VerifyStep> {
    return (await this.#calls.call("verifyHistory", [query])) as VerifyStep;
  }

  async checkpoints(query: CheckpointQuery, options?: ReadOptions): Promise<Page<Checkpoint>> {
    return (await this.#calls.call("listCheckpoints", [query], options?.signal)) as Page<Checkpoint>;
  }

  async verifierKeys(): Promise<readonly string[]> {
    return (await this.#calls.call("verifierKeys", [])) as readonly string[];
  }
}
