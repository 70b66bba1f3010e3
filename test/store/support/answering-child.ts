/** Locks users, several at once, and says `OK <restriction id>` the moment each is answered. */
import { writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { createOrganization, createUser, lockUser } from "./commands.ts";

const [path = "", groups = "10"] = process.argv.slice(2);
const TOGETHER = 8;
/** Longer than it takes to write a group, so that one that answered too soon gets its commit all the same. */
const PAUSE_MS = 80;

const store = await openSqliteStore({ path, clock: Date.now, sweepIntervalMs: 3_600_000 });
await store.execute(createOrganization());
for (let group = 0; group < Number(groups); group++) {
  await wait(PAUSE_MS);
  await Promise.all(Array.from({ length: TOGETHER }, (_, index) => store.execute(createUser(`u${group}-${index}`))));
  await wait(PAUSE_MS);
  const locks = Array.from({ length: TOGETHER }, async (_, index) => {
    const restrictionId = `mark-${group}-${index}-end`;
    const outcome = await store.execute(lockUser(`u${group}-${index}`, { restrictionId }));
    if (outcome.ok) writeSync(1, `OK ${restrictionId}\n`);
  });
  await Promise.all(locks);
}
await wait(PAUSE_MS);
await store.close();
