/** The data folders of test servers: made by `initdb` once for each version, copied, and owned by who runs the server. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Binaries, CACHE } from "./postgres-binaries.ts";

/** The superuser of every server. */
export const USER = "lockkeeper";

/** Data as `initdb` makes it, which takes a second, and the superuser's password. */
export async function templateFolder(binaries: Binaries): Promise<string> {
  const template = join(CACHE, `template-${binaries.version}`);
  if (existsSync(template)) return template;
  await mkdir(CACHE, { recursive: true });
  const making = await mkdtemp(join(tmpdir(), "lockkeeper-initdb-"));
  const copy = await mkdtemp(`${template}.`);
  try {
    own(making, binaries);
    const password = randomBytes(16).toString("hex");
    writeFileSync(join(making, "password"), password);
    own(join(making, "password"), binaries);
    const options = ["-U", USER, `--pwfile=${join(making, "password")}`, "-E", "UTF8", "--no-sync"];
    // Not SCRAM, whose thousands of hashes each connection would pay. Not the order of bytes: production has other ones.
    const production = ["--auth=md5", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US"];
    run(join(binaries.folder, "initdb"), ["-D", join(making, "data"), ...options, ...production], binaries.identity);
    run("cp", ["-a", `${making}/.`, copy]);
    await rename(copy, template).catch((error: unknown) => {
      if (!existsSync(template)) throw error;
    });
  } finally {
    for (const folder of [making, copy]) await rm(folder, { recursive: true, force: true });
  }
  return template;
}

export function copyFolder(from: string, to: string, { identity }: Binaries): void {
  // Files of a running server may vanish meanwhile; whether the copy is good shows when it starts.
  spawnSync("cp", ["-a", from, to]);
  if (identity.uid !== undefined) run("chown", ["-R", `${identity.uid}:${identity.gid}`, to]);
}

export function own(path: string, { identity: { uid, gid } }: Binaries): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

function run(program: string, words: readonly string[], identity: Binaries["identity"] = {}): void {
  // Another user may not be allowed into the folder of the tests.
  const { status, stderr, error } = spawnSync(program, words, { encoding: "utf8", cwd: "/", ...identity });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr}`);
}
