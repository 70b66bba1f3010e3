/** What is installed is what was tested: exact versions, and the same in the lockfile. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readRootFile } from "./support/tree.ts";

type Versions = Readonly<Record<string, string>>;

interface Package {
  readonly dependencies?: Versions;
  readonly devDependencies?: Versions;
  readonly optionalDependencies?: Versions;
  readonly scripts?: Versions;
  readonly workspaces?: readonly string[];
  readonly version?: string;
  readonly license?: string;
  readonly bugs?: string;
  readonly homepage?: string;
  readonly keywords?: readonly string[];
  readonly engines?: Versions;
  readonly repository?: { readonly url: string };
}

interface Lockfile {
  readonly packages: Readonly<Record<string, Package & { readonly version?: string }>>;
}

function readJson<T>(name: string): T {
  const text = readRootFile(name);
  if (text === undefined) throw new Error(`${name} is not there`);
  return JSON.parse(text) as T;
}

const CLIENT = "clients/typescript";
const manifest = readJson<Package>("package.json");

for (const folder of ["", CLIENT]) {
  const path = folder === "" ? "package.json" : `${folder}/package.json`;
  describe(path, () => {
    const { dependencies = {}, devDependencies = {}, optionalDependencies = {} } = readJson<Package>(path);
    const versions = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });

    test("every version is exact: no range, no tag, no address", () => {
      assert.ok(versions.length > 3);
      const exact = /^(?:npm:[@\w/.-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/;
      const loose = versions.filter(([, version]) => !exact.test(version));
      assert.deepEqual(loose, []);
    });

    test("the lockfile has the same versions", () => {
      const { packages } = readJson<Lockfile>("package-lock.json");
      // npm lays a version that two packages share at the root.
      const locked = versions.map(([name]) => {
        const own = packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`];
        return [name, (own ?? packages[`node_modules/${name}`])?.version];
      });
      // An alias (several versions of one package side by side) names the package before the version.
      const exact = versions.map(([name, version]) => [name, version.replace(/^npm:.*@/, "")]);
      assert.deepEqual(locked, exact);
    });

    test("nothing is both a dependency and one for development", () => {
      const twice = Object.keys(dependencies).filter((name) => Object.hasOwn(devDependencies, name));
      assert.deepEqual(twice, []);
    });

    test("says where it comes from and which Node it needs, as its sister does", () => {
      const sister = readJson<Package>(folder === "" ? `${CLIENT}/package.json` : "package.json");
      const own = readJson<Package>(path);
      for (const name of ["version", "license", "bugs"] as const) assert.deepEqual(own[name], sister[name], name);
      assert.equal(own.repository?.url, sister.repository?.url);
      assert.deepEqual(own.engines, { node: ">=20" });
      assert.ok((own.keywords ?? []).includes("account-lockout"));
      assert.match(own.homepage ?? "", /^https:\/\//);
    });
  });
}

describe("bench/package.json", () => {
  const { dependencies = {} } = readJson<Package>("bench/package.json");
  const versions = Object.entries(dependencies);

  test("has exact versions, and its lockfile has the same", () => {
    assert.ok(versions.length > 0);
    const { packages } = readJson<Lockfile>("bench/package-lock.json");
    for (const [name, version] of versions) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name);
      assert.equal(packages[`node_modules/${name}`]?.version, version, name);
    }
  });

  test("is not a workspace, and the service needs nothing of it", () => {
    assert.deepEqual(manifest.workspaces, [CLIENT, "console"]);
    assert.deepEqual(
      versions.filter(([name]) => Object.hasOwn(manifest.dependencies ?? {}, name)),
      [],
    );
  });
});

describe("scripts", () => {
  test("each script is one word, `test:all` apart, and the ones the house needs are there", () => {
    const scripts = Object.keys(manifest.scripts ?? {});
    for (const script of scripts) assert.match(script, /^[a-z]+(?::all)?$/);
    for (const script of ["start", "dev", "test", "test:all", "soak", "generate", "lint", "format", "check"]) {
      assert.ok(scripts.includes(script), script);
    }
  });
});
