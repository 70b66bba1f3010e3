/** A body that is announced as too large is refused before it is sent, on the fast path as by connect-es. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withLab } from "../support/lab.ts";
import { exchangeText } from "../support/raw.ts";

const HEAD = [
  "POST /lab.v1.LabService/Echo HTTP/1.1",
  "Host: a",
  "Authorization: Bearer one",
  "Content-Type: application/json",
  "Content-Length: 2000",
].join("\r\n");

for (const fastPath of [true, false]) {
  test(`the answer comes at once, and no 100 Continue before it; fast path ${fastPath}`, async () => {
    await withLab({ fastPath, limits: { bodyBytesMax: 1_000 } }, async (lab) => {
      for (const rest of ["\r\n\r\n", `\r\n\r\n{"text":"${"x".repeat(500)}`, "\r\nExpect: 100-continue\r\n\r\n"]) {
        const answer = await exchangeText(lab, HEAD + rest, (text) => text.includes("resource_exhausted"));
        assert.match(answer, /^HTTP\/1.1 429 /);
      }
    });
  });
}
