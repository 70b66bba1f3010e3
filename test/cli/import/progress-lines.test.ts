/** The progress that an import shows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ProgressLines, span } from "../../../src/cli/import/progress-lines.ts";

function lines(isTerminal: boolean) {
  let now = 0;
  let written = "";
  const begin = { rows: 0, failed: 0, bytes: 0, size: 1000 };
  const progress = new ProgressLines(
    { isTerminal, columns: 60, write: (text) => (written += text), clock: () => now },
    begin,
  );
  const at = (ms: number, rows: number, bytes: number, size = 1000): string => {
    now = ms;
    written = "";
    progress.show({ rows, failed: rows > 400 ? 3 : 0, bytes, size: size === 0 ? undefined : size });
    return written;
  };
  return { progress, at, written: () => written };
}

test("a terminal gets a bar that is drawn over itself, within its width", () => {
  const { progress, at, written } = lines(true);
  assert.equal(at(100, 10, 10), "");
  assert.equal(at(1000, 250, 250), "\r[######..................] 25%  250 rows  250/s  3s left\u001b[K");
  assert.equal(at(1100, 260, 260), "");
  assert.equal(at(2000, 500, 500), "\r[############............] 50%  500 rows  250/s  3 failed  \u001b[K");
  progress.say("line 7: is not JSON");
  assert.ok(written().endsWith("\r\u001b[Kline 7: is not JSON\n"));
  progress.say("waiting 1 s: \u001b]0;owned\u0007\u009b2J\nline 8");
  assert.ok(written().endsWith("waiting 1 s: \\u{1b}]0;owned\\u{7}\\u{9b}2J\\u{a}line 8\n"));
  // The rate is that of the latest ten seconds: the service has slowed down.
  at(12_000, 510, 510);
  assert.match(at(22_000, 520, 520), / 1\/s /);
});

test("without a terminal there is a line every five seconds", () => {
  const { at } = lines(false);
  assert.equal(at(4999, 10, 10), "");
  assert.equal(at(5000, 1500, 600), "60%  1,500 rows  300/s  3 failed  4s left\n");
  assert.equal(at(9000, 1600, 700), "");
  assert.equal(at(10_000, 3000, 900, 0), "3,000 rows  300/s  3 failed\n");
});

test("time is shown as a person says it", () => {
  assert.deepEqual([0.2, 59, 61, 3600, 7325].map(span), ["1s", "59s", "1m 1s", "1h 0m", "2h 2m"]);
});
