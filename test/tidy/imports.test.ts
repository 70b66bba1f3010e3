/** Imports go downward only: the table of the house, folder by folder. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { tableRows } from "./support/document-table.ts";
import { importsOf } from "./support/imports.ts";
import { type Fault, faultsIn, filesBelow, readRootFile, type SourceFile } from "./support/tree.ts";

/** The store's interface, without any engine. */
const STORE = [
  "src/store/store.ts",
  "src/store/commands.ts",
  "src/store/queries.ts",
  "src/store/history.ts",
  "src/store/errors.ts",
];

/**
 * What each folder may import besides itself, npm and `gen/google`. A path that ends in `.ts` is that file alone, one that
 * begins with `type ` may only lend its types.
 */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  "src/main.ts": ["src", "gen"],
  "src/server": ["src", "gen"],
  "src/config.ts": ["src/config-database.ts", "src/config-values.ts"],
  "src/config-database.ts": ["src/config-values.ts"],
  "src/config-values.ts": [],
  "src/environment.ts": ["src/config.ts", "src/transcoding/closest-name.ts"],
  "src/file-fault.ts": [],
  "src/version.ts": [],
  "src/number-table.ts": [],
  "clients/typescript": ["gen"],
  "console/src": ["gen"],
  "src/openapi": ["src/transcoding", "gen"],
  "src/cli": [
    "src/config.ts",
    "src/config-values.ts",
    "src/environment.ts",
    "src/file-fault.ts",
    "src/version.ts",
    "src/store/open-store.ts",
    "src/store/offline.ts",
    "src/store/process-lock.ts",
    "src/transcoding/closest-name.ts",
    "gen",
  ],
  "src/dialect": [
    "src/service",
    "type src/domain",
    "type src/transcoding",
    "type src/transport/mount.ts",
    "type src/dialect/dialect.ts",
    "gen",
  ],
  "src/service": ["src/domain", ...STORE, "src/auth", "gen"],
  "src/transport": ["src/transcoding", "src/number-table.ts", "gen/grpc"],
  "src/auth": [...STORE, "src/domain"],
  "src/store": ["src/domain", "src/number-table.ts"],
  "src/store/open-store.ts": ["src/store/sqlite", "src/store/postgres"],
  "src/store/sqlite": ["src/store", "src/domain"],
  "src/store/postgres": ["src/store", "src/domain", "src/version.ts"],
  "src/transcoding": [],
  "src/domain": [],
  "src/observability": [],
};

const ENGINES = Object.keys(TABLE).filter((folder) => /^src\/store\/[^.]+$/.test(folder));

/** What every folder may import. */
const FOR_ALL: readonly string[] = ["gen/google", "type src/observability"];

/** Returns the storage engine that a path belongs to. Only what names an engine itself may import of it. */
function engineOf(path: string): string | undefined {
  return ENGINES.find((engine) => isWithin(path, engine));
}

/** Returns the folder that a file belongs to: its row in the table. Each dialect and each engine is one of its own. */
function folderOf(path: string): string {
  const [root = "", folder = "", name = ""] = path.split("/");
  const engine = engineOf(path);
  if (engine !== undefined) return engine;
  return folder === "dialect" && name !== "" && !name.endsWith(".ts")
    ? `${root}/${folder}/${name}`
    : `${root}/${folder}`;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function outOfTable(file: SourceFile): readonly Fault[] {
  const own = folderOf(file.path);
  const row = TABLE[file.path] ?? TABLE[own] ?? TABLE[own.split("/").slice(0, 2).join("/")];
  if (row === undefined) return [`${own} has no row in the table of imports`];
  return importsOf(file).flatMap(({ path, isType }) => {
    if (path === undefined) return [];
    const allowed = [own, ...FOR_ALL, ...row].some((each) => {
      const typeOnly = each.startsWith("type ");
      const folder = typeOnly ? each.slice("type ".length) : each;
      return (!typeOnly || isType) && isWithin(path, folder) && engineOf(path) === engineOf(folder);
    });
    return allowed ? [] : [`may not import ${path}`];
  });
}

const SAMPLES: readonly (readonly [path: string, text: string, faults: number])[] = [
  ["src/domain/a.ts", 'import { b } from "./b.ts";\nimport fs from "node:fs";', 0],
  ["src/domain/a.ts", 'import type { Log } from "../observability/log.ts";', 0],
  ["src/domain/a.ts", 'import { createLog } from "../observability/log.ts";', 1],
  ["src/domain/a.ts", 'import { x } from "../store/store.ts";', 1],
  ["src/domain/a.ts", 'import {\n  type A,\n  type B,\n} from "../config.ts";', 1],
  ["src/domain/a.ts", 'export * from "../auth/actor.ts";', 1],
  ["src/domain/a.ts", 'const x = await import("../auth/actor.ts");', 1],
  ["src/domain/a.ts", 'import "../main.ts";', 1],
  ["src/store/sqlite/a.ts", 'new Worker(new URL("../../service/reader.ts", import.meta.url));', 1],
  ["src/store/sqlite/a.ts", 'import { a } from "../store.ts";\nimport { b } from "../../domain/b.ts";', 0],
  ["src/store/a.ts", 'import { a } from "./sqlite/rows.ts";', 1],
  ["src/store/commit/a.ts", 'import { a } from "../sqlite/rows.ts";', 1],
  ["src/store/open-store.ts", 'import { a } from "./sqlite/rows.ts";\nimport type { b } from "./store.ts";', 0],
  ["src/server/a.ts", 'import { a } from "../store/sqlite/rows.ts";', 1],
  ["src/server/a.ts", 'import { a } from "../store/open-store.ts";', 0],
  ["src/cli/a.ts", 'import { a } from "../store/limits.ts";', 1],
  ["src/service/a.ts", 'import type { Store } from "../store/store.ts";', 0],
  ["src/service/a.ts", 'import { x } from "../store/sqlite/rows.ts";', 1],
  ["src/transport/a.ts", 'import { x } from "../../gen/grpc/health/v1/health_pb.ts";', 0],
  ["src/transport/a.ts", 'import { x } from "../../gen/lockkeeper/user/v1/user_pb.ts";', 1],
  ["src/transport/a.ts", 'import { x } from "../domain/user.ts";', 1],
  ["src/transcoding/a.ts", 'import { x } from "../../gen/google/api/http_pb.ts";', 0],
  ["src/dialect/one/a.ts", 'import { x } from "../two/b.ts";', 1],
  ["src/dialect/one/a.ts", 'import type { x } from "../../domain/user.ts";', 0],
  ["src/dialect/one/a.ts", 'import { x } from "../../domain/user.ts";', 1],
  ["clients/typescript/src/a.ts", 'import { x } from "../../../gen/lockkeeper/user/v1/user_pb.ts";', 0],
  ["clients/typescript/src/a.ts", 'import { x } from "../../../src/domain/user.ts";', 1],
  ["console/src/a.tsx", 'import { x } from "../../gen/lockkeeper/user/v1/user_pb.ts";', 0],
  ["console/src/a.tsx", 'import type { x } from "../../src/domain/user.ts";', 1],
  ["src/cellar/a.ts", "", 1],
];

/** A row as ARCHITECTURE.md writes it. */
function cellOf(row: readonly string[]): string {
  const others = row
    .filter((each) => !STORE.includes(each))
    .map((each) => (each.startsWith("type ") ? `${each.slice("type ".length)} (types)` : each));
  const names = STORE.every((each) => row.includes(each)) ? ["the store's interface", ...others] : others;
  return names.length === 0 ? "nothing of ours" : names.join(", ");
}

describe("imports", () => {
  test("the rule finds what it is there to find, and nothing else", () => {
    for (const [path, text, faults] of SAMPLES) {
      assert.equal(outOfTable({ path, text }).length, faults, `${path}: ${text}`);
    }
  });

  test("every file of src, of the clients and of the console imports only what the table allows", () => {
    const files = [
      ...filesBelow(["src"], ".ts"),
      ...filesBelow(["clients/typescript/src", "console/src"], ".ts"),
      ...filesBelow(["console/src"], ".tsx"),
    ];
    assert.ok(files.some((file) => importsOf(file).length > 3));
    assert.deepEqual(faultsIn(files, outOfTable), []);
  });

  test("an operation knows no wire: neither messages nor handlers", () => {
    const wired = (file: SourceFile): readonly Fault[] =>
      importsOf(file)
        .map(({ path, target }) => path ?? target)
        .filter((path) =>
          /^(?:@bufbuild|@connectrpc|gen\/|src\/service\/(?!operations\/|(?:list-lanes|stream-places)\.ts$))/.test(
            path,
          ),
        )
        .map((path) => `may not import ${path}`);
    const sample =
      'import { create } from "@bufbuild/protobuf";\nimport { a } from "../native/a.ts";\nimport "./b.ts";';
    assert.equal(wired({ path: "src/service/operations/a.ts", text: sample }).length, 2);
    const files = filesBelow(["src/service/operations"], ".ts");
    assert.ok(files.length > 5);
    assert.deepEqual(faultsIn(files, wired), []);
  });

  test("a migration, frozen once released, says so and imports nothing of src", () => {
    const files = filesBelow(["src/store/sqlite/migrations"], ".ts");
    const unfrozen = (file: SourceFile): readonly Fault[] => [
      ...(/^.*Frozen once released\. \*\/\n/.test(file.text) ? [] : ["does not say that it is frozen"]),
      ...importsOf(file).flatMap(({ target }) => (target.startsWith(".") ? [`imports ${target}`] : [])),
    ];
    assert.ok(files.length > 10);
    assert.deepEqual(faultsIn(files, unfrozen), []);
  });

  test("nothing in src imports a test or a bench", () => {
    const strange = (file: SourceFile): readonly Fault[] =>
      importsOf(file)
        .map(({ path }) => path ?? "")
        .filter((path) => /^(?:test|bench|examples)\//.test(path));
    assert.deepEqual(faultsIn(filesBelow(["src"], ".ts"), strange), []);
  });

  test("ARCHITECTURE.md has the table", () => {
    const text = readRootFile("ARCHITECTURE.md") ?? "";
    const rows = tableRows(text, "| folder | may import |");
    assert.deepEqual(
      rows,
      Object.entries(TABLE).map(([folder, row]) => [folder, cellOf(row)]),
    );
    assert.ok(text.includes(STORE.join(", ")), "the files of the store's interface");
  });
});
