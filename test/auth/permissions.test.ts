/** The table of permissions: every RPC has a row, every row has an RPC, and the contract names the same permissions. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { DescService } from "@bufbuild/protobuf";
import {
  isPermission,
  isRole,
  PERMISSIONS,
  permissionsOf,
  ROLES,
  RPC_PERMISSIONS,
} from "../../src/auth/permissions.ts";

const ROOT = new URL("../../", import.meta.url);

function filesBelow(folder: string, ending: string): readonly URL[] {
  const base = new URL(`${folder}/`, ROOT);
  return readdirSync(base, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => new URL(name, base));
}

function isService(value: unknown): value is DescService {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
}

async function services(): Promise<readonly DescService[]> {
  const modules = filesBelow("gen/lockkeeper", "_service_pb.ts").map((url): Promise<object> => import(url.href));
  return (await Promise.all(modules)).flatMap((module) => Object.values(module).filter(isService));
}

async function rpcs(): Promise<readonly string[]> {
  return (await services()).flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`));
}

/** The comments in front of each RPC, by its full name. */
function rpcComments(): ReadonlyMap<string, string> {
  const comments = new Map<string, string>();
  for (const url of filesBelow("proto/lockkeeper", ".proto")) {
    const text = readFileSync(url, "utf8");
    const pkg = /^package (.+);$/m.exec(text)?.[1] ?? "";
    let service = "";
    let comment: string[] = [];
    for (const line of text.split("\n").map((each) => each.trim())) {
      service = /^service (\w+)/.exec(line)?.[1] ?? service;
      const rpc = /^rpc (\w+)/.exec(line)?.[1];
      if (rpc !== undefined) comments.set(`${pkg}.${service}/${rpc}`, comment.join(" "));
      comment = line.startsWith("//") ? [...comment, line.slice(2).trim()] : [];
    }
  }
  return comments;
}

describe("the permission of each RPC", () => {
  test("every RPC of our services has a row, and every row is an RPC", async () => {
    const known = await rpcs();
    assert.ok(known.length >= 20, `${known.length} RPCs found`);
    assert.deepEqual(Object.keys(RPC_PERMISSIONS).sort(), [...known].sort());
  });

  test("every file below proto/lockkeeper that has a service was generated", async () => {
    const declared = [...rpcComments().keys()].sort();
    assert.deepEqual(declared, [...(await rpcs())].sort());
  });

  test("the comment of each RPC names the permission that its row names", () => {
    const said = [...rpcComments()].map(([rpc, comment]) => {
      if (comment.includes("Needs no permission: any valid credential")) return [rpc, null];
      return [rpc, /\bNeeds ([a-z]+\.[a-z]+)/.exec(comment)?.[1]];
    });
    assert.deepEqual(Object.fromEntries(said), RPC_PERMISSIONS);
  });

  test("an RPC that reads needs a read permission, one that changes needs another", async () => {
    const NO_SIDE_EFFECTS = 1;
    /** Reads that write: they record when a session was last used. */
    const NOTED = ["VerifySession"];
    for (const { typeName, methods } of await services()) {
      for (const { name, idempotency } of methods) {
        const permission = RPC_PERMISSIONS[`${typeName}/${name}`];
        if (permission === null) continue;
        assert.equal(
          permission?.endsWith(".read"),
          idempotency === NO_SIDE_EFFECTS || NOTED.includes(name),
          `${name}: ${permission}`,
        );
      }
    }
  });
});

describe("roles", () => {
  test("contain only known permissions, each once", () => {
    for (const [role, permissions] of Object.entries(ROLES)) {
      assert.ok(permissions.every(isPermission), role);
      assert.equal(new Set(permissions).size, permissions.length, role);
    }
  });

  test("are five, and the owner has every permission", () => {
    assert.deepEqual(Object.keys(ROLES), ["owner", "operator", "viewer", "login", "auditor"]);
    assert.deepEqual(ROLES.owner, PERMISSIONS);
  });

  test("let only the owner create keys and organizations and erase, and viewers only read", () => {
    const { owner: _, ...others } = ROLES;
    for (const [role, permissions] of Object.entries(others)) {
      for (const permission of permissions) {
        assert.doesNotMatch(permission, /^(key\..*|org\.write|events\.redact)$/, role);
      }
    }
    for (const permission of ROLES.viewer) assert.match(permission, /\.read$/);
  });

  test("do not include names that every object inherits, and neither do permissions", () => {
    for (const name of ["constructor", "__proto__", "toString", ""]) {
      assert.equal(isRole(name), false);
      assert.equal(isPermission(name), false);
    }
  });

  test("that this version does not know grant only the permissions that are listed", () => {
    assert.deepEqual(permissionsOf({ role: "emperor", permissions: [] }), []);
    assert.deepEqual(permissionsOf({ role: "", permissions: ["user.read", "moon.read"] }), ["user.read"]);
    assert.deepEqual(permissionsOf({ role: "viewer", permissions: ["key.write"] }), ROLES.viewer);
  });
});
