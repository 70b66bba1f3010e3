/** Finds in a dry run what the service cannot see: that an earlier row of the file would have created the user. */
import { Code } from "@connectrpc/connect";
import { IfExists } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import type { RowOutcome } from "./batch.ts";

/** The most ids that are remembered, so that memory stays bounded. */
const IDS_MAX = 1_000_000;

/** The users that the rows so far would create; none of them is stored. */
export class WouldBeCreated {
  readonly #ifExists: IfExists;
  readonly #ids = new Set<string>();
  readonly #idsMax: number;
  #forgot: boolean = false;

  constructor(ifExists: IfExists, idsMax: number = IDS_MAX) {
    this.#ifExists = ifExists;
    this.#idsMax = idsMax;
  }

  /** Whether there were more users than are remembered; then later rows were not compared with all. */
  get isPartial(): boolean {
    return this.#forgot;
  }

  /** Returns the outcome of the next row, which the service checked without the rows before it. */
  judge(userId: string, outcome: RowOutcome): RowOutcome {
    if (outcome.action !== "created" || userId === "") return outcome;
    if (this.#ids.has(userId)) return this.#asExisting();
    if (this.#ids.size < this.#idsMax) this.#ids.add(userId);
    else this.#forgot = true;
    return outcome;
  }

  #asExisting(): RowOutcome {
    if (this.#ifExists === IfExists.UPDATE) return { action: "updated" };
    if (this.#ifExists !== IfExists.ERROR) return { action: "skipped" };
    const message = "an earlier row of the file would have created the user";
    return { action: "failed", code: Code.AlreadyExists, reason: "USER_ALREADY_EXISTS", message };
  }
}
