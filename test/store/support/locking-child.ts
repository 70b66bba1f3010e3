/** Locks and unlocks users and prints the outcome of each command, until it is killed. */
import { writeSync } from "node:fs";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { createOrganization, createUser, lockUser, unlockUser } from "./commands.ts";

const [path = "", run = ""] = process.argv.slice(2);
const USERS = 20;
const CALLERS = 40;

const store = await openSqliteStore({ path, clock: Date.now, sweepIntervalMs: 20 });
await store.execute(createOrganization());

/** `ok <user> <sequence> <restriction id or ->` or `refused <restriction id>`; written at once, so that no line is lost. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function call(caller: number): Promise<never> {
  for (let count = 0; ; count++) {
    const userId = `u${Math.floor(Math.random() * USERS)}`;
    const restrictionId = `${run}-${caller}-${count}`;
    const dice = Math.random();
    if (dice < 0.1) await store.execute(createUser(userId, { note: restrictionId }));
    else if (dice < 0.5) {
      const outcome = await store.execute(unlockUser(userId));
      if (outcome.ok) say(`ok ${userId} ${outcome.resource.state.sequence} -`);
    } else {
      // Short ones, so that the sweeper writes as well.
      const expiry = { kind: "for", durationMs: 1 + Math.floor(Math.random() * 50) } as const;
      const outcome = await store.execute(lockUser(userId, { restrictionId, expiry, note: restrictionId }));
      say(outcome.ok ? `ok ${userId} ${outcome.resource.state.sequence} ${restrictionId}` : `refused ${restrictionId}`);
    }
  }
}

await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
