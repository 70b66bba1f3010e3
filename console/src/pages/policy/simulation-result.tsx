/** The result of a simulation: numbers, a picture, the same as a table, and who would have been locked. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { SimulatedLock, SimulatePolicyResponse } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { userPath } from "../../app/routes.ts";
import { useSession } from "../../app/session.tsx";
import { Empty } from "../../parts/notice.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { localTime, millisOf } from "../../wire/time.ts";
import { type Bar, BarChart } from "./bar-chart.tsx";

/** Two replays of the same attempts, over a period in milliseconds since the epoch. */
export interface Simulated {
  readonly start: number;
  readonly end: number;
  readonly now: SimulatePolicyResponse;
  /** Absent if the form has the values in force. */
  readonly tried: SimulatePolicyResponse | undefined;
}

const HOUR_MS = 3_600_000;
const LOCKS_LISTED = 100;

/** The result. */
export function SimulationResult({ start, end, now, tried }: Simulated): ReactNode {
  if (now.attemptCount === 0n) {
    return <Empty title={T.policy.simulation.none}>{T.policy.simulation.noneText}</Empty>;
  }
  const shown = tried ?? now;
  const bars = barsOf(start, end, now.locks, tried?.locks);
  const cut = [now, shown].find(({ locks, lockCount }) => BigInt(locks.length) < lockCount);
  return (
    <div className="stack-wide">
      <Comparison now={now} tried={tried} />
      <BarChart
        bars={bars}
        end={end}
        unit={end - start > 2 * 24 * HOUR_MS ? T.policy.simulation.day : T.policy.simulation.hour}
        isCompared={tried !== undefined}
      />
      {cut !== undefined && <p className="warning">{T.policy.simulation.cut(cut.locks.length, cut.lockCount)}</p>}
      <details>
        <summary>{T.policy.simulation.perTime}</summary>
        <TimeTable bars={bars} isCompared={tried !== undefined} />
      </details>
      <section className="stack">
        <h3>{T.policy.simulation.locked}</h3>
        {shown.locks.length === 0 ? (
          <p className="muted">{T.policy.simulation.nobody}</p>
        ) : (
          <LockTable locks={shown.locks.slice(0, LOCKS_LISTED)} />
        )}
      </section>
    </div>
  );
}

function Comparison({ now, tried }: Pick<Simulated, "now" | "tried">): ReactNode {
  const { columns, policy, caption, attempts } = T.policy.simulation;
  const rows = [
    { name: T.policy.simulation.now, of: now },
    ...(tried === undefined ? [] : [{ name: T.policy.simulation.tried, of: tried }]),
  ];
  return (
    <div className="stack">
      <p role="status">{attempts(now.attemptCount)}</p>
      <Table
        caption={caption}
        rows={rows}
        keyOf={({ name }) => name}
        columns={[
          { id: "policy", head: policy, cell: ({ name }) => name },
          { id: "locks", head: columns.locks, cell: ({ of }) => of.lockCount.toLocaleString("en") },
          {
            id: "users",
            head: columns.users,
            cell: ({ of }) =>
              usersIn(of.locks).toLocaleString("en") + (BigInt(of.locks.length) < of.lockCount ? "+" : ""),
          },
          { id: "refused", head: columns.refused, cell: ({ of }) => of.refusedCount.toLocaleString("en") },
        ]}
      />
    </div>
  );
}

function usersIn(locks: readonly SimulatedLock[]): number {
  return new Set(locks.map(({ userId }) => userId)).size;
}

/** Returns the numbers of locks by hour for a day, else by day; parts of the period that are equally long. */
function barsOf(
  start: number,
  end: number,
  now: readonly SimulatedLock[],
  tried: readonly SimulatedLock[] | undefined,
): readonly Bar[] {
  const width = end - start > 2 * 24 * HOUR_MS ? 24 * HOUR_MS : HOUR_MS;
  const count = Math.round((end - start) / width);
  const countIn = (locks: readonly SimulatedLock[], from: number): number =>
    locks.filter(({ startTime }) => {
      const at = millisOf(startTime) ?? 0;
      return at >= from && at < from + width;
    }).length;
  return Array.from({ length: count }, (_, index) => {
    const from = start + index * width;
    return { from, now: countIn(now, from), tried: tried === undefined ? 0 : countIn(tried, from) };
  });
}

function TimeTable({ bars, isCompared }: { readonly bars: readonly Bar[]; readonly isCompared: boolean }): ReactNode {
  const columns: Column<Bar>[] = [
    { id: "from", head: T.policy.simulation.when, cell: ({ from }) => localTime(from) },
    { id: "now", head: T.policy.simulation.now, cell: ({ now }) => now },
  ];
  const tried: Column<Bar> = { id: "tried", head: T.policy.simulation.tried, cell: (bar) => bar.tried };
  return (
    <Table
      caption={T.policy.simulation.perTime}
      rows={bars}
      keyOf={({ from }) => String(from)}
      columns={isCompared ? [...columns, tried] : columns}
    />
  );
}

function LockTable({ locks }: { readonly locks: readonly SimulatedLock[] }): ReactNode {
  const { may } = useSession();
  const { lockColumns, locked } = T.policy.simulation;
  return (
    <Table
      caption={locked}
      rows={locks}
      keyOf={({ userId, startTime }) => `${millisOf(startTime)} ${userId}`}
      columns={[
        {
          id: "user",
          head: lockColumns.user,
          cell: ({ userId }) =>
            may("user.read") ? (
              <Link href={userPath(userId)}>
                <bdi>{userId}</bdi>
              </Link>
            ) : (
              <bdi>{userId}</bdi>
            ),
        },
        {
          id: "factor",
          head: lockColumns.factor,
          cell: ({ factor }) => T.policy.fields[`limit.${factor}`],
          wide: true,
        },
        { id: "start", head: lockColumns.start, cell: ({ startTime }) => <Time at={startTime} /> },
        { id: "end", head: lockColumns.end, cell: ({ expireTime }) => <Time at={expireTime} /> },
        { id: "number", head: lockColumns.number, cell: ({ number }) => number, wide: true },
      ]}
    />
  );
}
