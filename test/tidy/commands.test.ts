/** Every command is described in its help and in docs/cli.md, in the same words, with an example that is read as it is typed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { COMMAND_SET, COMMANDS, GROUPS } from "../../src/cli/commands/commands.ts";
import { EXIT_MEANINGS } from "../../src/cli/frame/failure.ts";
import { readFlags } from "../../src/cli/frame/flag.ts";
import { commandHelp } from "../../src/cli/frame/help.ts";
import { parseCommandLine } from "../../src/cli/frame/parse.ts";
import { snippetsOf } from "../support/snippets.ts";
import { bare, documentRows } from "./support/document-table.ts";
import { filesBelow, readRootFile } from "./support/tree.ts";

/** A line of a shell as words: quotes hold together, and what comes after a pipe, `&&` or `>` is another program's. */
function wordsOf(line: string): readonly string[] {
  const own = line.split(/ (?:\||&&|>>?|<) /)[0] ?? "";
  return [...own.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

/** The help breaks long examples and sets the meaning between their halves. */
function holdsInOrder(text: string, words: readonly string[]): boolean {
  let from = 0;
  return words.every((word) => {
    const found = text.indexOf(word, from);
    from = found + word.length;
    return found !== -1;
  });
}

describe("each command", () => {
  test("an example is read as a shell reads it", () => {
    assert.deepEqual(wordsOf("users lock a --note 'x y' && echo b"), ["users", "lock", "a", "--note", "x y"]);
    assert.deepEqual(wordsOf("a --note '' > b"), ["a", "--note", ""]);
  });

  for (const command of COMMANDS) {
    test(`${command.name} has examples that its help shows and that are allowed`, () => {
      assert.ok(command.examples.length > 0);
      const text = commandHelp(command, { shared: {}, columns: undefined }).replace(/\s+/g, " ");
      assert.ok(text.includes(`lockkeeper ${command.name}`), text);
      for (const [line] of command.examples) {
        assert.ok(holdsInOrder(text, line.split(" ")), `${line} is not in:\n${text}`);
        const parsed = parseCommandLine(wordsOf(line), COMMAND_SET);
        assert.equal(parsed.kind, "command");
        if (parsed.kind !== "command") continue;
        assert.equal(parsed.command.name, command.name);
        readFlags({ ...command.words, ...command.flags }, parsed.typed, (name) => name);
      }
    });
  }

  test("the first word of several is explained, and no word is explained that there is not", () => {
    const firsts = COMMANDS.filter(({ name }) => name.includes(" ")).map(({ name }) => name.split(" ")[0]);
    assert.deepEqual([...new Set(firsts)].sort(), Object.keys(GROUPS).sort());
  });
});

describe("the documentation", () => {
  test("each command line in it is read as it is typed", () => {
    const lines = [...filesBelow(["docs"], ".md"), { path: "README.md", text: readRootFile("README.md") ?? "" }]
      .flatMap(({ text }) => snippetsOf(text))
      .flatMap(({ language, code }) => (/^(?:sh|bash)$/.test(language) ? code.split("\n") : []))
      .flatMap((line) => line.replace(/ #.*/, "").split(/ (?:\||&&) /))
      .map((line) =>
        line.replace(/^npm start --/, "lockkeeper serve").replace(/^.*?\blockkeeper (?=[a-z])/, "lockkeeper "),
      )
      .filter((line) => /^lockkeeper [a-z]/.test(line));
    assert.ok(lines.length > 20);
    for (const line of lines) {
      const parsed = parseCommandLine(wordsOf(line).slice(1), COMMAND_SET);
      assert.equal(parsed.kind, "command", line);
      if (parsed.kind !== "command" || parsed.command.name === "serve") continue;
      const { command, typed } = parsed;
      assert.doesNotThrow(() => readFlags({ ...command.words, ...command.flags }, typed, (name) => name), line);
    }
  });
});

describe("docs/cli.md", () => {
  test("its table of commands is the code's", () => {
    const rows = documentRows("docs/cli.md", "| command of lockkeeper | what it does |").map(([name, meaning]) => [
      bare(name),
      meaning,
    ]);
    const expected = COMMANDS.map(({ name, meaning }) => [name, meaning]);
    assert.deepEqual(rows.sort(), expected.sort());
  });

  test("its table of exit codes is the code's", () => {
    const rows = documentRows("docs/cli.md", "| exit code | meaning |").map(([code, meaning]) => [
      Number(code),
      meaning,
    ]);
    assert.deepEqual(
      rows,
      EXIT_MEANINGS.map((row) => [...row]),
    );
  });
});
