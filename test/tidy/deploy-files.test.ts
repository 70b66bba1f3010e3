/** What is deployed with the package: the container file, the systemd unit and the example of an environment file. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { validate } from "dockerfile-utils";
import { SETTINGS } from "../../src/config.ts";
import { findProgram } from "../support/run-command.ts";
import { readRootFile } from "./support/tree.ts";

const CONTAINERFILE = "deploy/Containerfile";
const UNIT = "deploy/lockkeeper.service";

const settings = Object.values<{ environment: string; fallback: string }>(SETTINGS);

function read(name: string): string {
  const text = readRootFile(name);
  assert.ok(text !== undefined, `${name} is not there`);
  return text;
}

type Instruction = readonly [name: string, argument: string];

/** The instructions by stage, continued lines joined. */
function stagesOf(text: string): readonly (readonly Instruction[])[] {
  const lines = text
    .replace(/^#.*\n/gm, "")
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "");
  const stages: Instruction[][] = [];
  for (const line of lines) {
    const [, name = "", argument = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (name === "FROM") stages.push([]);
    stages.at(-1)?.push([name, argument]);
  }
  return stages;
}

describe("the container file", () => {
  const text = read(CONTAINERFILE);
  const stages = stagesOf(text);
  const last = stages.at(-1) ?? [];
  const argumentsOf = (name: string): readonly string[] =>
    last.filter(([each]) => each === name).map(([, argument]) => argument);

  test("the linter finds nothing, and finds what is there to find", () => {
    assert.deepEqual(validate(text), []);
    const faulty = validate("FROM debian:12\nCMD a\nCMD b\nWORKDIR x\nFETCH y\nMAINTAINER me\nEXPOSE x\n");
    assert.ok(faulty.length >= 5, JSON.stringify(faulty));
  });

  test("is built in stages on bases with versions, and runs as nobody of consequence", () => {
    assert.equal(stages.length, 2);
    for (const [[, base = ""] = []] of stages) assert.match(base, /^[\w./-]+:[\w.-]*\d[\w.-]*|^[\w./-]+:bookworm-slim/);
    assert.deepEqual(argumentsOf("USER"), ["10001:10001"]);
    assert.deepEqual(argumentsOf("VOLUME"), ['["/data"]']);
  });

  test("has the Node that npm brings elsewhere", () => {
    const { dependencies } = JSON.parse(read("package.json")) as { readonly dependencies: { readonly node: string } };
    assert.match(stages[0]?.[0]?.[1] ?? "", new RegExp(`/node:${dependencies.node.replaceAll(".", "\\.")}-`));
    assert.ok(argumentsOf("COPY").includes("--from=build /usr/local/bin/node /usr/local/bin/node"));
  });

  test("starts Node itself, so that signals reach it, and has a check of its health", () => {
    assert.deepEqual(argumentsOf("ENTRYPOINT"), ['["node", "/app/bin/lockkeeper.cjs"]']);
    assert.deepEqual(argumentsOf("CMD"), ['["serve"]']);
    const [health = ""] = argumentsOf("HEALTHCHECK");
    const command = JSON.parse(/CMD (\[.*\])$/.exec(health)?.[1] ?? "[]") as readonly string[];
    assert.deepEqual(command.slice(0, 2), ["node", "-e"]);
  });

  test("has no secret in a layer, and the build sees nothing but what it needs", () => {
    for (const [name, argument] of stages.flat()) {
      assert.ok(!["ADD", "ARG"].includes(name), `${name} ${argument}`);
      assert.doesNotMatch(argument, /ADMIN_KEY|PASSWORD|TOKEN|SECRET/i);
    }
    const ignored = read(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    assert.equal(ignored[0], "*");
    for (const line of ignored.slice(1)) {
      assert.match(
        line,
        /^(?:!(?:[a-z]+|LICENSE|package(?:-lock)?\.json|tsconfig\*\.json)|(?:clients\/typescript|console)\/\w+|proto\/google)$/,
      );
    }
  });

  test("sets only variables that there are", () => {
    const names = argumentsOf("ENV").flatMap((argument) =>
      [...argument.matchAll(/(LOCKKEEPER_\w+)=/g)].map(([, n]) => n),
    );
    assert.ok(names.length >= 2);
    for (const name of names) {
      assert.ok(
        settings.some(({ environment }) => environment === name),
        name,
      );
    }
  });
});

describe("the systemd unit", () => {
  const text = read(UNIT);

  /** Runs systemd-analyze on the unit, with a program that exists instead of the one that will be installed. */
  function analyze(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
    const folder = mkdtempSync(join(tmpdir(), "lockkeeper-unit-"));
    const file = join(folder, "lockkeeper.service");
    writeFileSync(file, text.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
    return new Promise((resolve) => {
      execFile("systemd-analyze", [...args, file], (error, stdout, stderr) => {
        rmSync(folder, { recursive: true });
        resolve({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` });
      });
    });
  }

  test("is hardened, keeps its state and takes its settings", () => {
    for (const line of [
      "User=lockkeeper",
      "ProtectSystem=strict",
      "NoNewPrivileges=yes",
      "StateDirectory=lockkeeper",
      "CacheDirectory=lockkeeper",
      "CacheDirectoryMode=0700",
      "CapabilityBoundingSet=",
      "ExecReload=/bin/kill -HUP $MAINPID",
      "EnvironmentFile=-/etc/lockkeeper/lockkeeper.env",
      "Restart=always",
      "RestartPreventExitStatus=2",
    ]) {
      assert.ok(text.split("\n").includes(line), line);
    }
    const names = [...text.matchAll(/^Environment=(\w+)=/gm)].map(([, name]) => name);
    for (const name of names) {
      assert.ok(
        settings.some(({ environment }) => environment === name),
        name,
      );
    }
    assert.match(read("deploy/lockkeeper.sysusers.conf"), /^u lockkeeper /m);
  });

  test("systemd takes it and calls its exposure OK", async (t) => {
    if (findProgram("systemd-analyze") === undefined) {
      t.skip("there is no systemd-analyze");
      return;
    }
    const verified = await analyze("verify");
    assert.deepEqual(verified, { code: 0, output: "" });
    // In tenths: 0 is none, 100 all; an unhardened unit has 96.
    const secured = await analyze("security", "--offline=yes", "--threshold=20");
    assert.equal(secured.code, 0, secured.output);
    t.diagnostic(/Overall exposure level.*/.exec(secured.output)?.[0] ?? "");
  });
});

describe("the example of an environment file", () => {
  test("has every setting with its default, commented out, and no other", () => {
    const lines = read("deploy/lockkeeper.env.example").split("\n");
    const shown = lines.filter((line) => /^#\w+=/.test(line));
    const expected = settings.map(({ environment, fallback }) => `#${environment}=${fallback}`);
    assert.deepEqual(shown.toSorted(), expected.toSorted(), "npm run generate writes it");
    assert.deepEqual(
      lines.filter((line) => line !== "" && !line.startsWith("#")),
      [],
    );
  });
});
