/** Every command there is; one more is one file and one line here. */
import type { Command } from "./command.ts";
import { serve } from "./serve.ts";
import { usersImport } from "./users/import.ts";
import { usersLock, usersUnlock } from "./users/lifecycle.ts";
import { usersShow } from "./users/show.ts";

export const COMMANDS: readonly Command[] = [serve, usersShow, usersImport, usersLock, usersUnlock];

/** What the first word of several commands stands for. */
export const GROUPS: Readonly<Record<string, string>> = {
  users: "look up and change users",
};
