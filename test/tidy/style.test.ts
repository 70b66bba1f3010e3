/** How files look: docstrings, lengths, words and constructs that have no place here. */
import assert from "node:assert/strict";
import { basename, dirname } from "node:path";
import { describe, test } from "node:test";
import { type Fault, faultsIn, filesBelow, type SourceFile } from "./support/tree.ts";

const FILE_LINES_MAX = 330;
const FOLDER_FILES_MAX = 14;

/** Folders that read well flat. */
const FLAT = ["src/domain", "src/transcoding", "src/store/sqlite/migrations"];

const isTidyTest = ({ path }: SourceFile): boolean => path.startsWith("test/tidy/");
const console = filesBelow(["console/src"]).filter(({ path }) => /\.tsx?$/.test(path));
const typescript = [...filesBelow(["src", "clients/typescript/src", "test"], ".ts"), ...console];
/** The tidy tests name what they look for. */
const outside = filesBelow(["src", "clients/typescript/src", "test", "proto"])
  .filter((file) => !isTidyTest(file))
  // Google's, which the build lays there, and connectrpc's.
  .filter(({ path }) => !/^(?:proto\/google|test\/transport\/support\/conformance)\//.test(path));

/** Tell how long something took, as text or as a diagnostic, and assert none of it. */
const TELLERS = ["test/support/stopwatch.ts", "test/support/bounded-work.ts"];

interface Construct {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly files: readonly SourceFile[];
  /** Texts in which the pattern must be found, and ones in which it must not. */
  readonly found: readonly string[];
  readonly fine: readonly string[];
}

const CONSTRUCTS: readonly Construct[] = [
  {
    rule: "no any",
    pattern:
      /:\s*any\s*(?:[,;)\]}>|&{]|=(?![=>])|$)|\bas any\b|\bany\[\]|[|&]\s*any\s*[;,)=>]|<[^<>()"`]*\bany\b[^<>()"`]*>/,
    files: typescript.filter((file) => !isTidyTest(file)),
    found: ["const a: any = 1;", "a as any", "any[]", "Map<string, any>", "a: string | any;", "(a: any) =>"],
    fine: [
      "/** Is there any? */",
      "// any of these: any thing",
      'say("any")',
      "anything: string",
      "reason: any === undefined ? 1 : 2",
    ],
  },
  {
    rule: "no default export",
    pattern: /^export default\b|\bexport\s*\{[^}]*\bas default\b/m,
    files: typescript.filter((file) => !isTidyTest(file)),
    found: ["export default class A {}", "export { a as default };"],
    fine: ["export const defaults = 1;", "/** export default of the table */"],
  },
  {
    rule: "no enum",
    pattern: /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w+\s*\{/m,
    files: typescript.filter((file) => !isTidyTest(file)),
    found: ["enum A {", "export const enum A {", "  declare enum B {"],
    fine: ['if (kind === "enum") {', "// the enum is {"],
  },
  {
    rule: "no test that is singled out, and none that is skipped without a reason in its output",
    pattern:
      /\b(?:test|describe|it|suite)\.(?:only|skip|todo)\b|\b(?:only|skip|todo):\s*true\b|\.(?:skip|todo)\(\s*\)|\.only\(/,
    files: filesBelow(["test"], ".ts").filter((file) => !isTidyTest(file)),
    found: ['test.only("a", f)', 'describe.skip("a", f)', "{ skip: true }", "t.skip();", "t.todo()", "it.todo('x')"],
    fine: ['t.skip("no browser is installed");', '{ skip: "no browser" }', "skip: reason", "only: 3"],
  },
  {
    // What a busy machine can make longer: those who must measure it run alone.
    rule: "no test measures real time outside *.timing.test.ts",
    pattern: /\bperformance\.now\b|\bhrtime\b|\bDate\.now\(\) - [a-z]|- Date\.now\(\)|\bconsole\.time\b/,
    files: filesBelow(["test"], ".ts").filter(
      (file) => !isTidyTest(file) && !file.path.endsWith(".timing.test.ts") && !TELLERS.includes(file.path),
    ),
    found: ["performance.now() - begin", "process.hrtime.bigint()", "Date.now() - began", "end - Date.now()"],
    fine: ["Date.now() - 1", "Date.now() - HOUR_MS", "begin <= Date.now()", "process.threadCpuUsage()"],
  },
  {
    // The wall clock may jump by hours: a wait that is measured by it ends at once, or hours late.
    rule: "no wait is measured by the wall clock, but for the rest of a caller's deadline",
    pattern: /(?:[<>]=?|\+|(?<!deadlineTime )-) Date\.now\(\)|Date\.now\(\) (?:[<>]=?|\+|-) /,
    // The transport turns timeouts into deadlines, and deadlines into timers.
    files: filesBelow(["src"], ".ts").filter(({ path }) => !path.startsWith("src/transport/")),
    found: ["endBy - Date.now()", "until = Date.now() + RETRY_MS", "Date.now() < endTime", "end <= Date.now()"],
    fine: ["clock: Date.now,", "view?.now ?? Date.now()", "endBy - performance.now()", "deadlineTime - Date.now()"],
  },
  {
    rule: "the console reads the address by useAddress and makes ids by newRequestId",
    pattern: /\buseSearchParams\b|\.randomUUID\(/,
    files: console,
    found: ['import { useSearchParams } from "wouter";', "crypto.randomUUID()"],
    fine: ["useAddress()", "no `crypto.randomUUID`", "useSearch()"],
  },
  {
    rule: "no mark of unfinished work",
    pattern: /\b(?:TODO|FIXME|XXX)\b/,
    files: outside,
    found: ["// TODO: later", "FIXME", "XXX"],
    fine: ["// to do", "LXXX", "ToDo"],
  },
  {
    // What an import takes from other systems has a folder of its own: it speaks none of their APIs.
    rule: "the words of dialects live in their own folders",
    pattern: /zitadel|clerk/i,
    files: outside.filter(({ path }) => !/^(?:src|test)\/(?:dialect|cli\/import\/from)\//.test(path)),
    found: ["Zitadel", "CLERK_KEY", "attributes.clerk"],
    fine: ["a dialect"],
  },
];

function linesWith(pattern: RegExp): (file: SourceFile) => readonly Fault[] {
  return ({ text }) =>
    text
      .split("\n")
      .flatMap((line, index) => (pattern.test(line) ? [`line ${index + 1}: ${line.trim().slice(0, 100)}`] : []));
}

for (const { rule, pattern, files, found, fine } of CONSTRUCTS) {
  describe(rule, () => {
    test("the rule finds what it is there to find, and nothing else", () => {
      for (const text of found) assert.match(text, pattern);
      for (const text of fine) assert.doesNotMatch(text, pattern);
    });
    test("holds everywhere", () => {
      assert.ok(files.length > 10);
      assert.deepEqual(faultsIn(files, linesWith(pattern)), []);
    });
  });
}

describe("files", () => {
  test("each of src begins with a one-line docstring that says what it is for", () => {
    const begins = ({ text }: SourceFile): readonly Fault[] =>
      /^\/\*\* .{10,} \*\/\n/.test(text) ? [] : [`begins with ${text.split("\n", 1)[0]}`];
    assert.equal(begins({ path: "", text: "/** What this is for. */\nx" }).length, 0);
    assert.equal(begins({ path: "", text: "/**\n * What this is for.\n */" }).length, 1);
    assert.deepEqual(faultsIn([...filesBelow(["src"], ".ts"), ...console], begins), []);
  });

  test(`each has at most ${FILE_LINES_MAX} lines`, () => {
    const tooLong = typescript.filter(({ text }) => text.split("\n").length - 1 > FILE_LINES_MAX);
    assert.deepEqual(
      tooLong.map(({ path }) => path),
      [],
    );
  });

  test(`a folder of src or the console has at most ${FOLDER_FILES_MAX} of them, but for the flat ones`, () => {
    const counts = new Map<string, number>();
    for (const { path } of [...filesBelow(["src"], ".ts"), ...console]) {
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    }
    assert.ok((counts.get("src/domain") ?? 0) > FOLDER_FILES_MAX);
    const tooMany = [...counts].filter(([folder, count]) => count > FOLDER_FILES_MAX && !FLAT.includes(folder));
    assert.deepEqual(tooMany, []);
  });

  test("none is named utils, helpers or common", () => {
    const named = ({ path }: SourceFile): readonly Fault[] =>
      /^(?:utils?|helpers?|common)(?:[.-]|$)/i.test(basename(path)) || /\/(?:utils?|helpers?|common)\//i.test(path)
        ? ["says nothing of what is in it"]
        : [];
    assert.deepEqual(faultsIn(filesBelow(["src", "console/src", "test", "bench", "scripts", "proto"]), named), []);
  });

  test("names are lower case with hyphens", () => {
    const named = ({ path }: SourceFile): readonly Fault[] =>
      /^[a-z0-9]+(?:-[a-z0-9]+)*(?:(?:\.(?:full|timing))?\.test)?\.tsx?$/.test(basename(path))
        ? []
        : ["is not named like the others"];
    assert.deepEqual(faultsIn(typescript, named), []);
  });
});
