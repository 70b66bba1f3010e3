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
}

interface Lockfile {
  readonly packages: Readonly<Record<string, Package & { readonly version?: string }>>;
}

function readJson<T>(name: string): T {
  const text = readRootFile(name);
  if (text === undefined) throw new Error(`${name} is not there`);
  return JSON.parse(text) as T;
}

const manifest = readJson<Package>("package.json");
const versions = Object.entries({
  ...manifest.dependencies,
  ...manifest.devDependencies,
  ...manifest.optionalDependencies,
});

describe("package.json", () => {
  test("every version is exact: no range, no tag, no address", () => {
    assert.ok(versions.length > 10);
    const loose = versions.filter(([, version]) => !/^(?:npm:[@\w/.-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version));
    assert.deepEqual(loose, []);
  });

  test("the lockfile has the same versions", () => {
    const { packages } = readJson<Lockfile>("package-lock.json");
    const locked = versions.map(([name]) => [name, packages[`node_modules/${name}`]?.version]);
    // An alias (several versions of one package side by side) names the package before the version.
    const exact = versions.map(([name, version]) => [name, version.replace(/^npm:.*@/, "")]);
    assert.deepEqual(locked, exact);
  });

  test("nothing is both a dependency and one for development", () => {
    const twice = Object.keys(manifest.dependencies ?? {}).filter((name) =>
      Object.hasOwn(manifest.devDependencies ?? {}, name),
    );
    assert.deepEqual(twice, []);
  });

  test("each script is one word, and the ones the house needs are there", () => {
    const scripts = Object.keys(manifest.scripts ?? {});
    for (const script of scripts) assert.match(script, /^[a-z]+$/);
    for (const script of ["start", "dev", "test", "soak", "generate", "lint", "format", "check"]) {
      assert.ok(scripts.includes(script), script);
    }
  });
});
