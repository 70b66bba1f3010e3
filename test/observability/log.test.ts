/** The log: one line per entry, whatever its values. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { createLog, type EntryLevel, type Log, type LogFields, type LogOptions } from "../../src/observability/log.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const LEVELS: readonly EntryLevel[] = ["debug", "info", "warn", "error"];

interface Logged {
  readonly log: Log;
  /** The calls of the sink, in order. */
  readonly writes: string[];
}

function logged(options: Partial<LogOptions> = {}): Logged {
  const writes: string[] = [];
  const log = createLog({
    level: "info",
    format: "text",
    clock: () => NOW,
    sink: (lines) => writes.push(lines),
    ...options,
  });
  return { log, writes };
}

function line(format: "text" | "json", message: string, fields?: LogFields): string {
  const { log, writes } = logged({ format });
  log.write("info", message, fields);
  log.flush();
  return writes.join("");
}

describe("levels", () => {
  for (const level of [...LEVELS, "off"] as const) {
    const expected = level === "off" ? [] : LEVELS.slice(LEVELS.indexOf(level));
    test(`at ${level} are written: ${expected.join(", ") || "none"}`, () => {
      const { log, writes } = logged({ level });
      for (const entry of LEVELS) log.write(entry, entry);
      log.flush();
      const levels = writes
        .join("")
        .split("\n")
        .filter((each) => each !== "");
      assert.deepEqual(
        levels.map((each) => each.split(" ")[1]),
        expected,
      );
    });
  }
});

describe("when lines are written", () => {
  test("those of one turn are written together, in order", async () => {
    const { log, writes } = logged();
    log.write("info", "first");
    log.write("warn", "second");
    assert.deepEqual(writes, []);
    await nextTurn();
    await nextTurn();
    assert.equal(writes.length, 1);
    assert.match(writes[0] ?? "", /first\n.*second\n$/);
  });

  test("those of the next turn are written too", async () => {
    const { log, writes } = logged();
    for (const message of ["a", "b"]) {
      log.write("info", message);
      await nextTurn();
      await nextTurn();
    }
    assert.equal(writes.length, 2);
  });

  test("an error is written immediately, after the earlier lines", () => {
    const { log, writes } = logged();
    log.write("info", "before");
    log.write("error", "trouble");
    assert.match(writes.join(""), /before\n.*trouble\n$/);
  });

  test("flush writes the buffered lines, once", async () => {
    const { log, writes } = logged();
    log.write("info", "last words");
    log.flush();
    log.flush();
    await nextTurn();
    await nextTurn();
    assert.equal(writes.length, 1);
  });

  test("the time is that of the entry, not of the write", () => {
    let now = NOW;
    const { log, writes } = logged({ clock: () => now });
    log.write("info", "a");
    now += 1000;
    log.write("info", "b");
    log.flush();
    assert.equal(writes.join(""), "2026-01-02T03:04:05.006Z info a\n2026-01-02T03:04:06.006Z info b\n");
  });
});

describe("text", () => {
  const rows: readonly (readonly [title: string, fields: LogFields, expected: string])[] = [
    ["no fields", {}, ""],
    [
      "plain values stand as they are",
      { rpc: "a.B/C", ms: 1.5, ok: true, address: "::1" },
      " rpc=a.B/C ms=1.5 ok=true address=::1",
    ],
    ["an absent value is left out", { a: undefined, b: 0 }, " b=0"],
    ["an empty one is seen", { a: "" }, ' a=""'],
    ["spaces are quoted", { a: "b c" }, ' a="b c"'],
    ["an equals sign cannot make a field", { a: "b c=d" }, ' a="b c=d"'],
    ["quotes are escaped", { a: '"' }, ' a="\\""'],
    ["a line feed cannot make a line", { a: "b\nc\r" }, ' a="b\\nc\\r"'],
    ["an escape sequence cannot reach a terminal", { a: "\u001b[31m" }, ' a="\\u001b[31m"'],
    ["nor can one of eight bits", { a: "\u009b31m" }, ' a="\\u009b31m"'],
    ["nor a line separator", { a: "\u2028" }, ' a="\\u2028"'],
    ["letters of any alphabet stay", { a: "Ωμέγα" }, ' a="Ωμέγα"'],
  ];
  for (const [title, fields, expected] of rows) {
    test(title, () => {
      assert.equal(line("text", "said", fields), `2026-01-02T03:04:05.006Z info said${expected}\n`);
    });
  }
});

describe("json", () => {
  test("an entry is one object with time, level, message and its fields", () => {
    const text = line("json", "said", { userId: "a\nb", ms: 1.5, ok: true, none: undefined });
    assert.equal(
      text,
      '{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"said","userId":"a\\nb","ms":1.5,"ok":true}\n',
    );
  });

  test("an eight-bit escape sequence cannot reach a terminal, and is read back unchanged", () => {
    const text = line("json", "said", { a: "\u009b31m\u2028" });
    assert.ok(text.includes('"a":"\\u009b31m\\u2028"'), text);
    assert.deepEqual(JSON.parse(text).a, "\u009b31m\u2028");
  });
});

/** Characters that tend to break lines, among all characters. */
const unit = fc.oneof(
  fc.constantFrom("\n", "\u001b", "\u007f", "\u009b", "\u2028", "\ud800", '"', "=", " "),
  fc.string(),
);

for (const format of ["text", "json"] as const) {
  test(`a ${format} entry with any value is one line of printable characters`, () => {
    fc.assert(
      fc.property(fc.string({ unit }), (value) => {
        const text = line(format, "said", { value });
        assert.ok(text.endsWith("\n"));
        assert.doesNotMatch(text.slice(0, -1), /[\p{Cc}\p{Cs}\u2028\u2029]/u);
      }),
    );
  });
}
