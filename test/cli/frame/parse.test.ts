/** Command lines: what is read, and what is refused in which words. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { COMMAND_SET } from "../../../src/cli/commands/commands.ts";
import { Failure } from "../../../src/cli/frame/failure.ts";
import { readFlags } from "../../../src/cli/frame/flag.ts";
import { parseCommandLine } from "../../../src/cli/frame/parse.ts";
import { CONNECTION_FLAGS, ORGANIZATION_FLAGS, OUTPUT_FLAGS } from "../../../src/cli/frame/service/connection-flags.ts";
import { cliOf } from "../support/cli.ts";

/** What a command would be given, by name. */
function given(args: readonly string[]): Readonly<Record<string, unknown>> {
  const parsed = parseCommandLine(args, COMMAND_SET);
  if (parsed.kind !== "command") throw new Error(`no command: ${parsed.kind}`);
  const { command, typed } = parsed;
  return {
    ...readFlags(command.words, typed, (name) => `<${name}>`),
    ...readFlags(
      { ...CONNECTION_FLAGS, ...ORGANIZATION_FLAGS, ...OUTPUT_FLAGS, ...command.flags },
      typed,
      (name) => `--${name}`,
    ),
  };
}

describe("words", () => {
  for (const id of ["007", "1e3", "0x1F", "true", "null", "a b", "a=b", "9007199254740993", "a.b", "ü", "[]"]) {
    test(`an id is taken as it is typed: ${JSON.stringify(id)}`, () => {
      assert.deepEqual(given(["users", "show", id]).users, [id]);
      assert.deepEqual(given(["users", "lock", "--duration", "1h", id]).users, [id]);
      assert.deepEqual(given(["signin", "check", "a", id]).users, ["a", id]);
    });
  }

  test("behind -- everything is a word", async () => {
    assert.equal(given(["users", "events", "--", "--json"]).user, "--json");
    assert.deepEqual(given(["signin", "check", "a", "--", "-b", "--help", "-"]).users, ["a", "-b", "--help", "-"]);
  });
});

describe("flags", () => {
  test("stand before or behind the words, with a space or with =", async () => {
    for (const args of [
      ["users", "lock", "ann", "--note", "x y", "--never"],
      ["users", "lock", "--note=x y", "--never", "ann"],
    ]) {
      const { users, note, never } = given(args);
      assert.deepEqual({ users, note, never }, { users: ["ann"], note: "x y", never: true });
    }
  });

  test("shared flags may stand before the command", async () => {
    assert.equal(given(["--json", "--server", "http://a", "users", "events", "ann"]).user, "ann");
  });

  test("a value may be empty where that clears something, and begin with a hyphen behind =", async () => {
    assert.equal(given(["orgs", "update", "a", "--display-name", ""])["display-name"], "");
    assert.equal(given(["orgs", "update", "a", "--display-name="])["display-name"], "");
    assert.equal(given(["serve", "--tls-cert="])["tls-cert"], "");
    assert.equal(given(["users", "lock", "a", "--note=-5"]).note, "-5");
    assert.equal(given(["users", "lock", "a", "--note=a=b"]).note, "a=b");
  });

  test("several values come by commas and by repeating", async () => {
    const { state } = given(["users", "list", "--state", "locked,banned", "--state", "deleted"]);
    assert.deepEqual(state, [2, 4, 5]);
    const { attributes } = given(["users", "create", "--attributes", 'a={"x":"1,2"}', "--attributes", "b={}"]);
    assert.deepEqual(attributes, [
      ["a", { x: "1,2" }],
      ["b", {}],
    ]);
  });
});

const REFUSED: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [["--json"], /^a command is missing; the commands are serve, status, .*; try: lockkeeper --help$/],
  [
    ["users", "--json"],
    /^a command is missing; the commands are users list, users show, .*; try: lockkeeper users --help$/,
  ],
  [["sreve"], /^"sreve" is not a command; did you mean serve\? try: lockkeeper --help$/],
  [["usr", "list"], /^"usr" is not a command; did you mean users\? try: lockkeeper --help$/],
  [["-v"], /^lockkeeper has no flag -v; did you mean --version\? try: lockkeeper --help$/],
  [["users", "list", "-S", "x"], /^users list has no flag -S; did you mean --server\? try: /],
  [["users", "lcok", "ann"], /^"users lcok" is not a command; did you mean users lock\? try: lockkeeper users --help$/],
  [["lock", "ann"], /^"lock" is not a command; did you mean users lock\? try: lockkeeper --help$/],
  [["lok", "ann"], /^"lok" is not a command; did you mean users lock\? try: lockkeeper --help$/],
  [["users", "frobnicate"], /^"users frobnicate" is not a command; the commands are users list, /],
  [["frobnicate"], /^"frobnicate" is not a command; the commands are serve, /],
  [["users", "--state", "locked", "list"], /^"users locked" is not a command/],
  [["users", "show"], /^<users> is missing$/],
  [["users", "show", ""], /^<users> is empty$/],
  // What a script types whose variable is not set.
  [["keys", "create", "--role", "owner", "--organization", ""], /^--organization is empty$/],
  [["policy", "set", "--lock-duration", "1h", "--organization="], /^--organization is empty$/],
  [["users", "list", "--organization", ""], /^--organization is empty$/],
  [["users", "lock", "a", "--organization="], /^--organization is empty$/],
  [["users", "list", "--prefix", ""], /^--prefix is empty$/],
  [["users", "list", "--reason-code="], /^--reason-code is empty$/],
  [["users", "list", "--reason-code", "A,,B"], /^--reason-code: a value between the commas is empty$/],
  [["users", "lock", "a", "--note", ""], /^--note is empty$/],
  [["users", "create", ""], /^<user> is empty$/],
  [["users", "create", "--", ""], /^<user> is empty$/],
  [["users", "create", "a", "--email="], /^--email is empty$/],
  [["orgs", "create", ""], /^<organization> is empty$/],
  [["orgs", "create", "a", "--display-name", ""], /^--display-name is empty$/],
  [["sessions", "list", "--user", ""], /^--user is empty$/],
  [["sessions", "revoke", ""], /^<sessions> is empty$/],
  [["sessions", "revoke", "--user="], /^--user is empty$/],
  [["signin", "check", "a", ""], /^<users> is empty$/],
  [["keys", "create", "--permissions", ""], /^--permissions is empty$/],
  [["users", "import", "a.csv", "--errors", ""], /^--errors is empty$/],
  [["users", "show", "a", "--server="], /^--server is empty$/],
  [["users", "show", "a", "--key-file="], /^--key-file is empty$/],
  [["restore", "", "--database", "sqlite:a.db"], /^<file> is empty$/],
  [["users", "events", "a", "b"], /^users events does not take the argument "b"; try: lockkeeper users events --help$/],
  [["signin", "check"], /^<users> is missing$/],
  [["users", "show", "a", "--nonsense"], /^users show has no flag --nonsense; try: /],
  [["users", "show", "a", "--nonsense", "1"], /--nonsense|"1"/],
  [["users", "show", "a", "-x"], /^users show has no flag -x; /],
  [["users", "show", "a", "--no-json"], /^users show has no flag --no-json; /],
  [
    ["users", "show", "a", "--jso"],
    /^users show has no flag --jso; did you mean --json\? try: lockkeeper users show --help$/,
  ],
  [["users", "lock", "a", "--reason", "X"], /^users lock has no flag --reason; did you mean --reason-code\? try: /],
  [["users", "lock", "a", "--reason=X"], /^users lock has no flag --reason; did you mean --reason-code\? try: /],
  [
    ["policy", "set", "--lock"],
    /^policy set has no flag --lock; did you mean --lock-duration or --lock-duration-max\? try: /,
  ],
  [["serve", "--cors"], /^serve has no flag --cors; did you mean --cors-origins\? try: /],
  [["users", "lock", "a", "--reas", "X"], /^users lock has no flag --reas; did you mean --reason-code\? try: /],
  [["users", "lock", "a", "--re"], /^users lock has no flag --re; try: /],
  [["users", "show", "a", "--note", "x"], /^users show has no flag --note; /],
  [["orgs", "list", "--organization", "a"], /^orgs list has no flag --organization; /],
  [["completion", "bash", "--server", "http://a"], /^completion has no flag --server; /],
  [["serve", "--json"], /^serve has no flag --json; /],
  [["users", "lock", "a", "--note"], /^--note needs a value$/],
  [
    ["users", "lock", "a", "--note", "--never"],
    /^--note needs a value; write one that begins with a hyphen after =, as in --note=--never$/,
  ],
  [["users", "lock", "a", "-m"], /^-m needs a value$/],
  [["users", "list", "-an5x"], /^--limit: "5x" is not allowed/],
  [["users", "list", "-o", "xml"], /^--output: "xml" is not allowed; it must be one of table, wide, json, yaml, name$/],
  [["users", "list", "--timeout", "28h"], /^--timeout: "28h" is too long; at most 27h is allowed$/],
  [["users", "import", "a.csv", "--retry-for", "25d"], /^--retry-for: "25d" is too long; at most 24d is allowed$/],
  [["users", "lock", "a", "--note", "x", "--note", "y"], /^--note is given twice; once is enough$/],
  [["users", "lock", "a", "--validate-only=no"], /^--validate-only takes no value$/],
  [["users", "delete", "a", "--yes=no"], /^--yes takes no value$/],
  [["users", "lock", "a", "--help=1"], /^--help takes no value$/],
  [["users", "delete", "a", "--yes", "--help=0"], /^--help takes no value$/],
  [["users", "delete", "a", "--yes", "--version=x"], /^--version takes no value$/],
  [["users", "lock", "a", "--duration", "5"], /^--duration: "5" is not allowed; /],
  [["users", "lock", "a", "--until", "soon"], /^--until: "soon" is not allowed; /],
  [["users", "lock", "a", "--start", "soon"], /^--start: "soon" is not allowed; /],
  [["users", "lock", "a", "--expected-sequence", "x"], /^--expected-sequence: "x" is not allowed; /],
  [
    ["users", "list", "--state", "lockd"],
    /^--state: "lockd" is not allowed; it must be one of active, locked, inactive, banned, deleted$/,
  ],
  [["users", "list", "--state", "toString"], /^--state: "toString" is not allowed; /],
  [
    ["users", "list", "--restriction", "lock,"],
    /^--restriction: "" is not allowed; it must be one of lock, ban, deactivation$/,
  ],
  [["users", "list", "--order", "x"], /^--order: "x" is not allowed; it must be one of oldest, newest, changed$/],
  [["users", "list", "--limit", "0"], /^--limit: "0" is not allowed; it must be a whole number from 1 to 1000000000$/],
  [
    ["users", "deactivate", "a", "--cause", "policy"],
    /^--cause: "policy" is not allowed; it must be one of admin, directory$/,
  ],
  [["users", "create", "a", "--attributes", "x"], /^--attributes: "x" is not allowed; it must be NAME=JSON such as /],
  [["users", "create", "a", "--attributes", "x=[]"], /^--attributes: "x=\[\]" is not allowed/],
  [["users", "create", "a", "--attributes", "x={"], /^--attributes: "x=\{" is not allowed/],
  [["signin", "check", "a", "--factor", "x"], /^--factor: "x" is not allowed; it must be one of password, otp, /],
  [
    ["policy", "set", "--attempts", "x=1"],
    /^--attempts: "x=1" is not allowed; it must be FACTOR=NUMBER such as password=5, of password, otp, /,
  ],
  [
    ["policy", "set", "--attempts", "otp=101"],
    /^--attempts: "101" is not allowed; it must be a whole number from 0 to 100$/,
  ],
  [
    ["policy", "set", "--growth-factor", "0.5"],
    /^--growth-factor: "0.5" is not allowed; it must be a number from 1 to 100$/,
  ],
  [["policy", "set", "--permanent-after", "1001"], /^--permanent-after: "1001" is not allowed; /],
  [
    ["policy", "set", "--revoke-sessions", "yes"],
    /^--revoke-sessions: "yes" is not allowed; it must be one of true, false$/,
  ],
  [["policy", "set", "--inherit", "x"], /^--inherit: "x" is not allowed; it must be one of attempts, .*, all$/],
  [["keys", "create", "--database", "a.db"], /^--database: the value is not allowed; it must be sqlite:PATH/],
  [["keys", "create", "--expires", "1h"], /^--expires: "1h" is not allowed; /],
];

describe("a refusal names what is at fault", () => {
  for (const [args, says] of REFUSED) {
    test(args.join(" ") || "nothing", async () => {
      assert.throws(
        () => given(args),
        (error) => {
          assert.ok(error instanceof Failure, String(error));
          assert.match(error.message, says);
          assert.equal(error.exitCode, 2);
          return true;
        },
      );
    });
  }
});

/** Refused by the command itself, before it calls anybody. */
const CONTRADICTIONS: readonly (readonly [line: string, says: RegExp])[] = [
  ["users lock a --duration 1h --never", /^--duration and --never cannot be used together; give one of them$/],
  [
    "users ban a --until 2030-01-31 --duration 1h",
    /^--duration and --until cannot be used together; give one of them$/,
  ],
  ["users list --limit 5 --all", /^--limit and --all cannot be used together; give one of them$/],
  ["sessions revoke", /^either <sessions> or --user is required, and not both$/],
  ["sessions revoke s --user a", /^either <sessions> or --user is required, and not both$/],
  ["sessions revoke s --note x", /^--note can be used only with --user: a session has no history of its own$/],
  ["sessions revoke s --expected-sequence 1", /^--expected-sequence can be used only with --user/],
  ["users lock a b --request-id x", /^--request-id can be used with one id only$/],
  ["users lock - --expected-sequence 1", /^--expected-sequence can be used with one id only$/],
  ["users update a", /^nothing to change; give a value, such as --email or --attributes$/],
  [
    "users update a --attributes b={} --remove-attributes b",
    /^the attributes b cannot be set and removed at the same time$/,
  ],
  ["users list -o yaml --json", /--output and --json cannot be used together; give one of them/],
  ["policy set", /^nothing to set; give a value, such as --lock-duration 15m$/],
  ["policy set --lock-duration 1h --inherit all", /^--lock-duration cannot be set and inherited at the same time$/],
  ["policy set --attempts otp=1 --inherit attempts", /^--attempts cannot be set and inherited at the same time$/],
  ["keys create --database sqlite:/nowhere/a.db", /^--database: there is no file \/nowhere\/a\.db$/],
  [
    "keys create --database sqlite:a.db --role owner",
    /^--database creates an owner key .* cannot be used with --role$/,
  ],
  ["keys create --database sqlite:a.db --permissions a", /cannot be used with --permissions$/],
  ["keys create --database sqlite:a.db --expires 2030-01-31", /cannot be used with --expires$/],
  ["keys create --database sqlite:a.db --validate-only", /cannot be used with --validate-only$/],
  ["orgs update a", /^nothing to change; give --display-name or --lock-duration$/],
  [
    "orgs update a --lock-duration 2h --reset-lock-duration",
    /^--lock-duration and --reset-lock-duration cannot be used together/,
  ],
];

describe("a contradiction is refused before anybody is called", () => {
  const lk = cliOf("http://127.0.0.1:1");
  for (const [line, says] of CONTRADICTIONS) {
    test(line, async () => {
      const { code, stdout, stderr } = await lk(line);
      assert.match(stderr.replace(/^lockkeeper: /, "").trimEnd(), says);
      assert.deepEqual([code, stdout], [2, ""]);
    });
  }
});
