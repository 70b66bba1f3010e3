/** Shows the names of API keys instead of their ids to a person who reads who did something. */

import type { CommandContext } from "../frame/command.ts";
import { EXIT } from "../frame/failure.ts";

/** The most keys that are looked up for one list; further ones are shown by their ids. */
const LOOK_UPS_MAX = 50;

/** Looks up the names of actors; each key once. */
export class ActorNames {
  readonly #context: CommandContext;
  readonly #names = new Map<string, string>();
  #isPermitted: boolean = true;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  /** Learns the names that a table of these actors needs; does nothing for other forms. */
  async learn(actors: readonly string[]): Promise<void> {
    const { form } = this.#context.output;
    if (form !== "table" && form !== "wide") return;
    for (const actor of new Set(actors)) {
      const apiKeyId = /^key:(\w+)$/.exec(actor)?.[1];
      if (apiKeyId === undefined || this.#names.has(actor) || !this.#isPermitted) continue;
      if (this.#names.size >= LOOK_UPS_MAX) return;
      this.#names.set(actor, await this.#nameOf(apiKeyId));
    }
  }

  async #nameOf(apiKeyId: string): Promise<string> {
    try {
      const { apiKey } = await (await this.#context.client("keys")).getApiKey({ apiKeyId });
      return apiKey?.displayName ?? "";
    } catch (error) {
      const { exitCode } = await this.#context.failureOf(error);
      // A caller that may read a history may not be allowed to read keys, and some keys belong to another scope.
      if (exitCode !== EXIT.NOT_FOUND) this.#isPermitted = false;
      return "";
    }
  }

  /** Returns `desk`, or `key:…` for a key without a name; both in wide tables. */
  shown(actor: string): string {
    const name = this.#names.get(actor) ?? "";
    if (name === "") return actor;
    return this.#context.output.form === "wide" ? `${name} (${actor})` : name;
  }
}
