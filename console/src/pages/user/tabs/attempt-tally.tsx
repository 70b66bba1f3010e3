/** How attempts ended, by factor and by address. */

import type { ReactNode } from "react";
import { type Attempt, AttemptOutcome } from "../../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { Button } from "../../../parts/button.tsx";
import { isolate } from "../../../texts/isolate.ts";
import { T } from "../../../texts/texts.ts";

const TEXTS = T.tabs.attempts;

/** More addresses say nothing more. */
const ADDRESSES_MAX = 5;

interface Tally {
  readonly name: string;
  readonly failed: number;
  readonly succeeded: number;
  readonly refused: number;
}

/** Two short lists. `isAll`: there are no more attempts than these. `onAddress`: shows the attempts of one alone; absent: nothing does. */
export function AttemptTally({
  attempts,
  isAll,
  onAddress,
}: {
  readonly attempts: readonly Attempt[];
  readonly isAll: boolean;
  readonly onAddress?: (address: string) => void;
}): ReactNode {
  const factors = talliesOf(attempts, ({ factor }) => TEXTS.factors[factor] ?? "");
  const addresses = talliesOf(attempts, ({ client }) => client?.ip ?? "").slice(0, ADDRESSES_MAX);
  return (
    <div className="columns tallies">
      <section className="card">
        <h2>
          {TEXTS.byFactor} <span className="muted">({TEXTS.ofShown(attempts.length, isAll)})</span>
        </h2>
        <ul className="tally">
          {factors.map((tally) => (
            <li key={tally.name}>
              <span>{tally.name}</span>
              <span className="muted">{TEXTS.tally(tally.failed, tally.succeeded, tally.refused)}</span>
            </li>
          ))}
        </ul>
      </section>
      <section className="card">
        <h2>{TEXTS.byNetwork}</h2>
        <ul className="tally">
          {addresses.map((tally) => (
            <li key={tally.name}>
              {tally.name === "" || onAddress === undefined ? (
                <bdi>{tally.name || TEXTS.unknownAddress}</bdi>
              ) : (
                <Button
                  kind="quiet"
                  aria-label={TEXTS.onlyFrom(isolate(tally.name))}
                  onClick={() => onAddress(tally.name)}
                >
                  <bdi>{tally.name}</bdi>
                </Button>
              )}
              <span className="muted">{TEXTS.tally(tally.failed, tally.succeeded, tally.refused)}</span>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

/** The most frequent first. */
function talliesOf(attempts: readonly Attempt[], nameOf: (attempt: Attempt) => string): readonly Tally[] {
  const groups = Map.groupBy(attempts, nameOf);
  return [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([name, of]) => ({
      name,
      failed: of.filter(isFailure).length,
      succeeded: of.filter(({ outcome }) => outcome === AttemptOutcome.SUCCEEDED).length,
      refused: of.filter(({ outcome }) => outcome === AttemptOutcome.DENIED).length,
    }));
}

/** Returns whether an attempt counts as failed. */
export function isFailure({ outcome }: Attempt): boolean {
  return outcome === AttemptOutcome.FAILED || outcome === AttemptOutcome.EXPIRED;
}
