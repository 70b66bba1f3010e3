/** Large databases, made once and kept for the next run. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeUsers } from "./make-users.ts";

/** Where they are kept; about 1 GB for each million of users. */
export const DATABASES_FOLDER = "/tmp/lockkeeper-bench";

/** Returns the folder of a database of so many users, made unless it is there. Runs change its users and keep them. */
export async function databaseOf(users: number, folder: string): Promise<string> {
  const own = join(folder, `users-${users}`);
  if (existsSync(own)) return own;
  const making = `${own}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  await makeUsers(join(making, "lockkeeper.db"), users);
  renameSync(making, own);
  return own;
}
