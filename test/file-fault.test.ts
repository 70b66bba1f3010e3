/** Faults of files are reported without the operating system's codes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileFault } from "../src/file-fault.ts";

function faultOf(path: string): string {
  try {
    readFileSync(path);
  } catch (error) {
    return fileFault(error);
  }
  return assert.fail(path);
}

test("a fault of a file is a sentence; an unknown one is reported as it is", () => {
  assert.equal(faultOf("/nowhere/x"), "there is no such file or folder");
  assert.equal(faultOf("/"), "it is a folder");
  assert.equal(faultOf("/dev/null/x"), "a part of its path is not a folder");
  assert.equal(faultOf(`/${"x".repeat(300)}`), "its name is too long");
  assert.equal(fileFault(new Error("the file is not JSON")), "the file is not JSON");
});
