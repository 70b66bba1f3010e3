/** Locks users, several at once, and prints `OK <restriction id>` when each is answered. */
import { channel } from "node:diagnostics_channel";
import { writeSync } from "node:fs";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { ANSWERED } from "./answered.ts";
import { createOrganization, createUser, lockUser } from "./commands.ts";

const [path = "", groups = "10"] = process.argv.slice(2);
const TOGETHER = 8;
/** A writer that answers too soon commits when it is called. */
const answered = channel(ANSWERED);

const store = await openSqliteStore({ path, clock: Date.now, sweepIntervalMs: 3_600_000 });
await store.execute(createOrganization());
answered.publish(undefined);
for (let group = 0; group < Number(groups); group++) {
  await Promise.all(Array.from({ length: TOGETHER }, (_, index) => store.execute(createUser(`u${group}-${index}`))));
  answered.publish(undefined);
  const locks = Array.from({ length: TOGETHER }, async (_, index) => {
    const restrictionId = `mark-${group}-${index}-end`;
    const outcome = await store.execute(lockUser(`u${group}-${index}`, { restrictionId }));
    if (outcome.ok) writeSync(1, `OK ${restrictionId}\n`);
  });
  await Promise.all(locks);
  answered.publish(undefined);
}
await store.close();
