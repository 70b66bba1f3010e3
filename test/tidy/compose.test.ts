/** compose.yaml, as far as it can be checked without a container engine: it parses, and what it names exists. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { readConfig, SETTINGS } from "../../src/config.ts";
import { findProgram, runCommand } from "../support/run-command.ts";
import { ROOT, readRootFile } from "./support/tree.ts";

interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly services: { readonly lockkeeper: ComposeService; readonly prometheus: ComposeService };
  readonly volumes: Readonly<Record<string, null>>;
}

interface Prometheus {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
  }[];
}

function read(path: string): string {
  const text = readRootFile(path);
  assert.ok(text !== undefined, `${path} does not exist`);
  return text;
}

describe("compose.yaml", () => {
  const { services, volumes } = parse(read("compose.yaml")) as Compose;
  const { lockkeeper, prometheus } = services;
  const containerfile = read("deploy/Containerfile");

  test("builds from a file that exists, and mounts folders that exist and volumes that it declares", () => {
    const { context = "", dockerfile = "" } = lockkeeper.build ?? {};
    assert.ok(existsSync(join(ROOT, context, dockerfile)));
    for (const volume of [...lockkeeper.volumes, ...prometheus.volumes]) {
      const [source = ""] = volume.split(":");
      const isThere = source.startsWith(".") ? existsSync(join(ROOT, source)) : Object.hasOwn(volumes, source);
      assert.ok(isThere, volume);
    }
    assert.match(prometheus.image, /^[\w./-]+:v\d+\.\d+\.\d+$/);
  });

  test("sets only settings that exist, to values that the service takes", () => {
    const environment = lockkeeper.environment ?? {};
    const known = new Set<string>(Object.values(SETTINGS).map((setting) => setting.environment));
    assert.deepEqual(
      Object.keys(environment).filter((name) => !known.has(name)),
      [],
    );
    // `${NAME:-}` is what compose replaces, here by nothing.
    const values = Object.entries(environment).map(([name, value]) => [name, value.replace(/^\$\{\w+:-\}$/, "")]);
    const config = readConfig([], Object.fromEntries(values));
    const graceSeconds = Number(/^(\d+)s$/.exec(lockkeeper.stop_grace_period ?? "")?.[1]);
    assert.ok(graceSeconds * 1000 > config.stopDrainMs + config.stopGraceMs);
  });

  test("publishes ports to this machine alone, and not that of the metrics", () => {
    for (const port of [...lockkeeper.ports, ...prometheus.ports]) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
    const exposed = /^EXPOSE (\d+)$/m.exec(containerfile)?.[1];
    assert.deepEqual(lockkeeper.ports, [`127.0.0.1:${exposed}:${exposed}`]);
    assert.ok(lockkeeper.volumes.some((volume) => containerfile.includes(`VOLUME ["${volume.split(":")[1]}"]`)));
  });

  test("has a Prometheus that scrapes the port of the metrics and reads the alert rules", () => {
    const config = parse(read("deploy/prometheus/prometheus.yml")) as Prometheus;
    for (const file of config.rule_files) assert.ok(existsSync(join(ROOT, "deploy/prometheus", file)), file);
    const port = lockkeeper.environment?.LOCKKEEPER_METRICS_LISTEN?.split(":")[1];
    const [job] = config.scrape_configs;
    assert.equal(job?.job_name, "lockkeeper");
    assert.deepEqual(job?.static_configs, [{ targets: [`lockkeeper:${port}`] }]);
  });

  test("has a Prometheus configuration that Prometheus takes", async (t) => {
    const promtool = findProgram("promtool");
    if (promtool === undefined) {
      t.skip("there is no promtool (Debian: apt-get install prometheus)");
      return;
    }
    const { code, stdout, stderr } = await runCommand(
      promtool,
      ["check", "config", "deploy/prometheus/prometheus.yml"],
      {
        folder: ROOT,
      },
    );
    assert.equal(code, 0, stdout + stderr);
  });
});
