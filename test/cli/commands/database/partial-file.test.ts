/** A file in the making: nobody's but its maker's, and never in the way of another. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isFileThere, makePartialFile } from "../../../../src/cli/commands/database/partial-file.ts";
import { EXIT, Failure } from "../../../../src/cli/frame/failure.ts";
import { temporaryFolder } from "../../../support/service.ts";

describe("a partial file", () => {
  test("is one of its own for each, and takes a name only once", async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, "b.db");
    writeFileSync(`${file}.partial`, "another's");
    const [first, second] = [
      await makePartialFile(file, { replace: false }),
      await makePartialFile(file, { replace: false }),
    ];
    assert.equal(statSync(first.path).mode & 0o777, 0o600);
    await first.handle.writeFile("first");
    await second.handle.writeFile("second");
    await first.settle();
    await assert.rejects(second.settle(), { message: `${file} appeared in the meantime and was not overwritten` });
    await first.discard();
    await second.discard();
    assert.equal(readFileSync(file, "utf8"), "first");
    const third = await makePartialFile(file, { replace: true });
    await third.handle.writeFile("third");
    await third.settle();
    await third.discard();
    assert.equal(readFileSync(file, "utf8"), "third");
    assert.equal(readFileSync(`${file}.partial`, "utf8"), "another's");
    assert.deepEqual(readdirSync(folder).toSorted(), ["b.db", "b.db.partial"]);
  });

  test("is refused where it cannot be, before anything is asked for", async (t) => {
    const folder = await temporaryFolder(t);
    const isUsage = (says: RegExp) => (error: unknown) =>
      error instanceof Failure && error.exitCode === EXIT.USAGE && says.test(error.message);
    mkdirSync(join(folder, "d"));
    assert.throws(() => isFileThere(join(folder, "d")), isUsage(/d is not a file$/));
    assert.throws(() => isFileThere("/dev/null"), isUsage(/null is not a file$/));
    assert.equal(isFileThere(join(folder, "none")), false);
    symlinkSync(join(folder, "none"), join(folder, "link"));
    assert.equal(isFileThere(join(folder, "link")), true, "also a link that leads nowhere would be replaced");
    const none = makePartialFile(join(folder, "none", "b.db"), { replace: false });
    await assert.rejects(none, isUsage(/none\/b\.db cannot be written: there is no such file or folder$/));
    chmodSync(join(folder, "d"), 0o500);
    // No mode binds root.
    if (process.geteuid?.() === 0) return;
    await assert.rejects(makePartialFile(join(folder, "d", "b.db"), { replace: false }), isUsage(/cannot be written/));
  });
});
