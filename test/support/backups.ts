/** What tests of backups share: a database that takes a while, and the files in the making. */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Running } from "./service.ts";

type Users = Running["users"];

/** Large enough that a backup at 1 MB/s takes some seconds. */
export async function fillForBackup(users: Users): Promise<void> {
  const note = "n".repeat(1_000);
  const batches = Array.from({ length: 4 }, (_, batch) =>
    Array.from({ length: 250 }, (_, index) => ({
      userId: `large-${batch}-${index}`,
      attributes: { app: { text: "x".repeat(1_000), note } },
    })),
  );
  for (const batch of batches) await users.importUsers({ users: batch });
}

/** What backups to a file have received so far. */
export function partialsOf(file: string): readonly string[] {
  const names = readdirSync(dirname(file)).filter(
    (name) => name.startsWith(`.${basename(file)}.`) && name.endsWith(".partial"),
  );
  return names.map((name) => join(dirname(file), name));
}
