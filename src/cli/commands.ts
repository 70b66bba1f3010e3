/** Every command there is; one more is one file and one line here. */
import { backup } from "./backup.ts";
import type { Command } from "./command.ts";
import { migrate } from "./migrate.ts";
import { restore } from "./restore.ts";
import { serve } from "./serve.ts";
import { usersLock, usersUnlock } from "./users/lifecycle.ts";
import { usersShow } from "./users/show.ts";

export const COMMANDS: readonly Command[] = [serve, usersShow, usersLock, usersUnlock, backup, restore, migrate];

/** What the first word of several commands stands for. */
export const GROUPS: Readonly<Record<string, string>> = {
  users: "look up and change users",
};
