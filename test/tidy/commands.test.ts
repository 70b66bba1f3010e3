/** Every command is told in its help and in the README, in the same words, with an example that is read as it is typed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { COMMAND_SET, COMMANDS, GROUPS } from "../../src/cli/commands/commands.ts";
import { EXIT_MEANINGS } from "../../src/cli/frame/failure.ts";
import { readFlags } from "../../src/cli/frame/flag.ts";
import { commandHelp } from "../../src/cli/frame/help.ts";
import { parseCommandLine } from "../../src/cli/frame/parse.ts";
import { bare, readmeRows } from "./support/readme-table.ts";

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

describe("README.md", () => {
  test("its table of commands is the code's", () => {
    const rows = readmeRows("| command of lockkeeper | what it does |").map(([name, meaning]) => [bare(name), meaning]);
    const expected = COMMANDS.map(({ name, meaning }) => [name, meaning]);
    assert.deepEqual(rows.sort(), expected.sort());
  });

  test("its table of exit codes is the code's", () => {
    const rows = readmeRows("| exit code | meaning |").map(([code, meaning]) => [Number(code), meaning]);
    assert.deepEqual(
      rows,
      EXIT_MEANINGS.map((row) => [...row]),
    );
  });
});
