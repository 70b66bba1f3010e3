/** The tables of the documentation say what the code says, both ways. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { codeFromString, codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { PolicyValuesSchema } from "../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { SessionStatusSchema } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { PERMISSIONS, ROLES, RPC_PERMISSIONS } from "../../src/auth/permissions.ts";
import { SETTINGS } from "../../src/config.ts";
import { REASONS } from "../../src/domain/refusal.ts";
import { bare, documentRows, type Row, tableRows } from "./support/document-table.ts";
import { filesBelow } from "./support/tree.ts";

const byFirst = (a: Row, b: Row): number => (a.join() < b.join() ? -1 : 1);

test("tables are read as they are written", () => {
  const text = "x\n\n| a | b  |\n|---|:--|\n| `1` | y \\| z |\n| 2 | |\n\n| 3 | 4 |";
  assert.deepEqual(tableRows(text, "| a | b |"), [
    ["`1`", "y | z"],
    ["2", ""],
  ]);
  assert.equal(tableRows(text, "| a | c |"), undefined);
});

describe("docs/errors.md", () => {
  test("its table of reasons is the code's", () => {
    const rows = documentRows("docs/errors.md", "| reason | code | meaning |").map(([reason, code, meaning]) => [
      bare(reason),
      bare(code),
      meaning ?? "",
    ]);
    const expected = Object.entries(REASONS).map(([reason, [code, meaning]]) => [reason, code, meaning]);
    assert.deepEqual([...rows].sort(byFirst), expected.sort(byFirst));
  });

  test("its table of codes has every code of a reason, with its number and HTTP status", () => {
    const names = [...new Set(Object.values(REASONS).map(([code]) => code))];
    const expected = names.map((name) => {
      const code = codeFromString(name.toLowerCase());
      assert.ok(code !== undefined, name);
      return [name, String(code), String(codeToHttpStatus(code))];
    });
    const rows = documentRows("docs/errors.md", "| code | number | HTTP status |");
    assert.deepEqual([...rows].sort(byFirst), expected.sort(byFirst));
  });
});

describe("docs/settings.md", () => {
  test("its table of settings is the code's", () => {
    const rows = documentRows("docs/settings.md", "| flag | environment | default | meaning |").map(
      ([flag, environment, byDefault, meaning]) => [bare(flag), bare(environment), bare(byDefault), meaning ?? ""],
    );
    const settings = Object.values<{ flag?: string; environment: string; fallback: string; meaning: string }>(SETTINGS);
    const expected = settings.map(({ flag, environment, fallback, meaning }) => [
      flag === undefined ? "" : `--${flag}`,
      environment,
      fallback,
      meaning,
    ]);
    assert.deepEqual([...rows].sort(byFirst), expected.sort(byFirst));
  });
});

describe("docs/callers.md", () => {
  test("its table of roles is the code's", () => {
    const expected = Object.entries(ROLES).map(([role, permissions]) => [
      role,
      permissions === PERMISSIONS ? "all" : permissions.join(", "),
    ]);
    assert.deepEqual(documentRows("docs/callers.md", "| role | permissions |"), expected);
  });

  test("its table of permissions names the RPCs that need each of them", () => {
    const rows = documentRows("docs/callers.md", "| permission | what it allows |");
    assert.deepEqual(
      rows.map(([permission]) => permission),
      PERMISSIONS,
    );
    for (const [permission, text = ""] of rows) {
      const rpcs = Object.entries(RPC_PERMISSIONS)
        .filter(([, needed]) => needed === permission)
        .map(([rpc]) => rpc.split("/")[1] ?? "");
      const named = text.match(/\b[A-Z]\w*[a-z][A-Z]\w*\b/g) ?? [];
      assert.deepEqual([...named].sort(), rpcs.sort(), permission);
    }
  });
});

describe("the tables of the contract", () => {
  test("docs/signing-in.md has every value of a policy", () => {
    const rows = documentRows("docs/signing-in.md", "| value | built in | meaning |");
    assert.deepEqual(
      rows.map(([name]) => bare(name)),
      PolicyValuesSchema.fields.map(({ jsonName }) => jsonName),
    );
  });

  test("docs/sessions.md has every reason why a session is not active, in the order of precedence", () => {
    const rows = documentRows("docs/sessions.md", "| status | meaning |");
    const names = SessionStatusSchema.values.map(({ name }) => name);
    assert.deepEqual(
      rows.map(([name]) => bare(name)),
      names.filter((name) => !/_(?:UNSPECIFIED|ACTIVE)$/.test(name)),
    );
  });

  test("every path in a page is one of the contract's", () => {
    const protos = filesBelow(["proto/lockkeeper"], ".proto").map(({ text }) => text);
    const bindings = protos.flatMap((text) => [...text.matchAll(/\b(get|post|put|patch|delete): "([^"]+)"/g)]);
    const routes = new Set(bindings.map(([, verb = "", path = ""]) => `${verb.toUpperCase()} ${path}`));
    const named = filesBelow(["docs"], ".md").flatMap(({ path: page, text }) =>
      [...text.matchAll(/`((?:GET|POST|PUT|PATCH|DELETE) \/v1\/[^\s`?]+)`/g)].map(([, route = ""]) => ({
        page,
        route,
      })),
    );
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter(({ route }) => !routes.has(route)),
      [],
    );
  });

  test("every RPC is described in a page", () => {
    const text = filesBelow(["docs"], ".md")
      .map((file) => file.text)
      .join("\n");
    const names = Object.keys(RPC_PERMISSIONS).map((rpc) => rpc.split("/")[1] ?? "");
    assert.deepEqual(
      names.filter((name) => !new RegExp(`^\\| [^|]*\\b${name}\\b[^|]*\\|`, "m").test(text)),
      ["CreateBackup"],
    );
  });
});
