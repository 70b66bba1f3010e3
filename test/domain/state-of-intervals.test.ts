/** At every moment the state of a user is what the intervals of its restrictions say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Restriction } from "../../src/domain/restriction.ts";
import { settle } from "../../src/domain/settle.ts";
import { type State, stateOf } from "../../src/domain/user.ts";
import { DAY } from "./support/given.ts";
import { keptOf, live, type Passage, plans } from "./support/histories.ts";
import { runs } from "./support/soak.ts";

const nameOf = ({ kind, cause }: Pick<Restriction, "kind" | "cause">): string => `${kind}/${cause}`;

interface Span {
  readonly startTime: number;
  readonly expireTime: number | null;
}

/** A second, different implementation of the rules: a set of intervals, evaluated on each read. No flags, no due events. */
class Oracle {
  #spans = new Map<string, Span>();
  #life: "living" | "deleted" = "living";

  follow({ events }: Passage): void {
    for (const { type, data } of events) {
      if (type === "UserDeleted") {
        this.#life = "deleted";
        this.#spans = new Map([...this.#spans].filter(([name]) => name === "BAN/ADMIN"));
      } else if (type === "UserCreated" || type === "UserImported") {
        this.#life = "living";
      }
      if ("restriction" in data) this.#spans.set(nameOf(data.restriction), data.restriction);
      if ("restrictions" in data) for (const each of data.restrictions) this.#spans.set(nameOf(each), each);
      if (type === "UserUnlocked") for (const cause of ["ADMIN", "POLICY"]) this.#spans.delete(`LOCK/${cause}`);
      if (type === "UserUnbanned") this.#spans.delete("BAN/ADMIN");
    }
  }

  reactivate(cause: string): void {
    this.#spans.delete(`DEACTIVATION/${cause}`);
  }

  stateAt(time: number): State {
    if (this.#life === "deleted") return "DELETED";
    const holding = [...this.#spans]
      .filter(([, { startTime, expireTime }]) => startTime <= time && (expireTime === null || time < expireTime))
      .map(([name]) => name.split("/")[0]);
    if (holding.includes("BAN")) return "BANNED";
    if (holding.includes("DEACTIVATION")) return "INACTIVE";
    return holding.includes("LOCK") ? "LOCKED" : "ACTIVE";
  }
}

test("P14 at every moment the state is what the intervals alone say", () => {
  fc.assert(
    fc.property(plans, fc.array(fc.nat({ max: 4 * DAY }), { minLength: 3, maxLength: 8 }), (history, looks) => {
      const oracle = new Oracle();
      const passages = live(history);
      for (const passage of passages) {
        oracle.follow(passage);
        if (passage.command.type === "ReactivateUser" && passage.decision.ok) oracle.reactivate(passage.command.cause);
      }
      const user = keptOf(passages);
      const last = passages.at(-1);
      assert.ok(user !== undefined && last !== undefined);
      const edges = user.state.restrictions.flatMap(({ startTime, expireTime }) => [
        startTime,
        expireTime ?? startTime,
      ]);
      const moments = [...looks.map((ms) => last.now + ms), ...edges.flatMap((edge) => [edge - 1, edge, edge + 1])];
      for (const moment of moments.filter((each) => each >= last.now)) {
        assert.equal(
          stateOf(settle(user.state, moment).state),
          oracle.stateAt(moment),
          `${moment - last.now} ms later`,
        );
      }
    }),
    runs(400),
  );
});
