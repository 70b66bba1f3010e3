/** Files that cannot be imported are refused before anything is sent, with what is allowed. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { EXIT, Failure } from "../../../src/cli/frame/failure.ts";
import { findFormat, openInput } from "../../../src/cli/import/input.ts";
import { ownRows } from "../../../src/cli/import/own-rows.ts";
import { readRows } from "../../../src/cli/import/rows.ts";
import { temporaryFolder } from "../../support/service.ts";

/** Reads a file to its end as the command does. */
async function readAll(path: string, ignoredColumns: readonly string[] = []): Promise<void> {
  const input = await openInput(path, Readable.from([]), new AbortController().signal);
  const format = findFormat(input, undefined, ownRows);
  for await (const rows of readRows({ input, format, source: ownRows, ignoredColumns })) assert.ok(rows.length >= 0);
}

test("a file that is none, or whose header is not well, is refused with what is allowed", async (t) => {
  const folder = await temporaryFolder(t);
  let made = 0;
  const at = (name: string, content: string | Buffer): string => {
    const path = join(folder, `${++made}-${name}`);
    writeFileSync(path, content);
    return path;
  };
  const csv = (header: string): string => at("users.csv", `${header}\na,b\n`);
  const rows: readonly (readonly [path: string, says: RegExp, ignored?: readonly string[]])[] = [
    [join(folder, "none.csv"), /none\.csv" cannot be read: there is no such file or folder$/],
    [folder, /is not a file/],
    [at("empty.csv", "\ufeff"), /is empty/],
    ["-", /^standard input is empty$/],
    [at("users.txt", "a"), /does not tell the format; give --format csv\|ndjson\|json/],
    [at("utf16.csv", Buffer.from("\ufeffuser_id", "utf16le")), /is UTF-16; save it as UTF-8/],
    [at("zip.csv", Buffer.from([0x1f, 0x8b, 8])), /is compressed; unpack it first/],
    [at("long.csv", "x".repeat(70_000)), /must name the columns; it does not end within 65536 bytes/],
    [at("latin.csv", Buffer.from([0xe4, 10])), /the first line is not UTF-8/],
    [csv("user_id,emial"), /column "emial" is unknown; did you mean email\? .*the known columns are user_id, username/],
    [csv("user_id;password"), /column "password" is unknown\. .*--ignore-columns/],
    [csv("user_id,attributes."), /column "attributes\." is unknown/],
    [csv("username,email"), /has no column "user_id"; it has username, email/],
    [csv("user_id,user_id"), /names column "user_id" twice/],
    [csv("user_id,"), /does not name column 2/],
    [csv('"user_id"x'), /the first line must name the columns; it has text after a closing quote/],
    [csv("user_id,x"), /--ignore-columns: "y" is not a column of the file; it has user_id, x/, ["y"]],
  ];
  for (const [path, says, ignored] of rows) {
    await assert.rejects(readAll(path, ignored), (error) => {
      assert.ok(error instanceof Failure && error.exitCode === EXIT.USAGE, String(error));
      assert.match(error.message, says);
      return true;
    });
  }
  await readAll(csv("user_id,x"), ["x"]);
  await readAll(csv("user_id,attributes.acme.crm"));
});
