/** `lockkeeper login` and `logout`: save the service and its key in the profile, or delete it. */

import { resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { type CommandContext, defineCommand } from "../frame/command.ts";
import { ask, isInteractive } from "../frame/confirm.ts";
import { usageFailure } from "../frame/failure.ts";
import { type Address, connect, readKey } from "../frame/service/connection.ts";
import { OUTPUT_FLAGS } from "../frame/service/connection-flags.ts";
import { deleteProfile, writeProfile } from "../frame/service/profile.ts";

/** Returns the key from `--key-file`, from standard input, or from a prompt. */
async function keyOf({ address, terminal, signal }: CommandContext): Promise<string> {
  if ("file" in address.key) return readKey(address.key);
  if (!isInteractive(terminal)) {
    const typed = (await readAll(terminal.stdin)).trim();
    if (typed === "") throw usageFailure("standard input has no key; nothing was saved");
    return readKey({ text: typed, source: "standard input" });
  }
  const question = `API key for ${address.server.origin} (not shown): `;
  const typed = await ask(question, terminal, { signal, isHidden: true });
  if (typed.trim() === "") throw usageFailure("no key was typed; nothing was saved");
  return readKey({ text: typed, source: "the key" });
}

function pathsOf({ ca, clientCert, clientKey }: Address) {
  return {
    ...(ca === undefined ? {} : { ca: resolve(ca) }),
    ...(clientCert === undefined ? {} : { clientCert: resolve(clientCert) }),
    ...(clientKey === undefined ? {} : { clientKey: resolve(clientKey) }),
  };
}

export const login = defineCommand({
  name: "login",
  meaning: "check an API key with the service and save both in the profile, a file with mode 0600",
  reach: "instance",
  ignoresProfile: true,
  words: {},
  flags: {},
  examples: [
    ["login --server https://locks.example", "prompts for the key without showing it"],
    ["login --server https://locks.example < key.txt", "reads it from a file or a secret store"],
  ],
  async run(_, context) {
    const { address, output, signal, terminal, failureOf } = context;
    const key = await keyOf(context);
    const shown: Address = { ...address, key: { text: key, source: "the key" } };
    const connection = await connect(shown, { signal, learn: (file) => output.learn(file) });
    try {
      const response = await (await connection.client("admin")).whoAmI({});
      const path = writeProfile({ server: address.server.origin, key, ...pathsOf(address) }, terminal.environment);
      const name = response.displayName === "" ? "" : ` (${response.displayName})`;
      const scope =
        response.organizationId === "" ? "the whole instance" : `the organization ${response.organizationId}`;
      const lines = (): string =>
        `logged in at ${address.server.origin} as ${response.actor}${name} for ${scope}; saved in ${path}\n`;
      await output.object({ server: address.server.origin, actor: response.actor, profile: path }, lines);
      return "done";
    } catch (error) {
      throw await failureOf(error);
    } finally {
      connection.close();
    }
  },
});

export const logout = defineCommand({
  name: "logout",
  meaning: "delete the profile; the key itself stays valid until it is revoked",
  reach: "none",
  words: {},
  flags: OUTPUT_FLAGS,
  examples: [["logout", "does nothing if there is no profile"]],
  async run(_, { output, terminal }) {
    const path = deleteProfile(terminal.environment);
    const lines = (): string => (path === undefined ? "there was no profile\n" : `deleted ${path}\n`);
    await output.object({ profile: path ?? null, deleted: path !== undefined }, lines);
    return "done";
  },
});
