/** compose.yaml, as far as it can be checked without a container engine: it parses, and what it names exists. */
import assert from "node:assert/strict";
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { readConfig, SETTINGS } from "../../src/config.ts";
import { parseAddress } from "../../src/store/postgres/connect/address.ts";
import { findProgram, runCommand } from "../support/run-command.ts";
import { ROOT, readRootFile } from "./support/tree.ts";

/** After drain and grace a stop gives up a database that hangs within this time. */
const DATABASE_MS = 10_000;

interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly profiles?: readonly string[];
  readonly deploy?: { readonly replicas: number };
  readonly depends_on?: readonly string[] | Readonly<Record<string, { readonly condition: string }>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, null>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

interface Prometheus {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
    readonly dns_sd_configs: readonly { readonly names: readonly string[]; readonly port: number }[];
  }[];
}

function read(path: string): string {
  const text = readRootFile(path);
  assert.ok(text !== undefined, `${path} does not exist`);
  return text;
}

const text = read("compose.yaml");
const { services, volumes, secrets } = parse(text, { merge: true }) as Compose;
const containerfile = read("deploy/Containerfile");
const exposed = /^EXPOSE (\d+)$/m.exec(containerfile)?.[1];

function service(name: string): ComposeService {
  const found = services[name];
  assert.ok(found !== undefined, name);
  return found;
}

function portOf(value = ""): string | undefined {
  return value.split(":")[1];
}

describe("compose.yaml", () => {
  const all = Object.entries(services);

  test("builds from a file that exists, and mounts files that exist and volumes that it declares", () => {
    for (const [name, { build, image, volumes: mounts = [] }] of all) {
      if (build !== undefined) assert.ok(existsSync(join(ROOT, build.context, build.dockerfile)), name);
      else assert.match(image, /^[\w./-]+:v?\d+\.\d+(?:\.\d+)?$/);
      for (const mount of mounts) {
        const [source = ""] = mount.split(":");
        const isThere = source.startsWith(".") ? existsSync(join(ROOT, source)) : Object.hasOwn(volumes, source);
        assert.ok(isThere, mount);
      }
    }
  });

  test("sets only settings that exist, to values that the service takes", () => {
    const known = new Set<string>(Object.values(SETTINGS).map((setting) => setting.environment));
    for (const { environment = {}, stop_grace_period } of [service("lockkeeper"), service("replica")]) {
      assert.deepEqual(
        Object.keys(environment).filter((name) => !known.has(name)),
        [],
      );
      // `${NAME:-}` is what compose replaces, here by nothing.
      const values = Object.entries(environment).map(([name, value]) => [name, value.replace(/^\$\{\w+:-\}$/, "")]);
      const config = readConfig([], Object.fromEntries(values));
      const graceSeconds = Number(/^(\d+)s$/.exec(stop_grace_period ?? "")?.[1]);
      assert.ok(graceSeconds * 1000 >= config.stopDrainMs + config.stopGraceMs + DATABASE_MS);
    }
  });

  test("publishes each port once, to this machine alone, and not those of the metrics and of PostgreSQL", () => {
    const ports = all.flatMap(([, { ports: published = [] }]) => published);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
    assert.equal(new Set(ports.map((port) => portOf(port))).size, ports.length);
    const { ports: own, volumes: mounts = [] } = service("lockkeeper");
    assert.deepEqual(own, [`127.0.0.1:${exposed}:${exposed}`]);
    assert.ok(mounts.some((mount) => containerfile.includes(`VOLUME ["${mount.split(":")[1]}"]`)));
    for (const name of ["replica", "primary", "standby"]) assert.equal(service(name).ports, undefined, name);
  });

  test("has a Prometheus that scrapes the ports of the metrics and reads the alert rules", () => {
    const config = parse(read("deploy/prometheus/prometheus.yml")) as Prometheus;
    for (const file of config.rule_files) assert.ok(existsSync(join(ROOT, "deploy/prometheus", file)), file);
    const metricsPort = (name: string): string | undefined =>
      portOf(service(name).environment?.LOCKKEEPER_METRICS_LISTEN);
    const [job] = config.scrape_configs;
    assert.equal(job?.job_name, "lockkeeper");
    assert.deepEqual(job?.static_configs, [{ targets: [`lockkeeper:${metricsPort("lockkeeper")}`] }]);
    assert.deepEqual(job?.dns_sd_configs, [{ names: ["replica"], type: "A", port: Number(metricsPort("replica")) }]);
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

describe("the profile postgres", () => {
  const members = Object.entries(services).filter(([, { profiles = [] }]) => profiles.length > 0);
  const script = (name: string): string => read(`deploy/postgres/${name}.sh`);

  test("has services that need only each other when they are healthy, and leaves the others as they are", () => {
    for (const [name, { profiles }] of members) assert.deepEqual(profiles, ["postgres"], name);
    assert.deepEqual(members.map(([name]) => name).sort(), ["balancer", "primary", "replica", "standby"]);
    for (const [name, { depends_on = [] }] of Object.entries(services)) {
      const needed = Array.isArray(depends_on) ? (depends_on as readonly string[]) : Object.keys(depends_on);
      for (const each of needed) {
        const { profiles = [] } = service(each);
        assert.ok(profiles.length === 0 || services[name]?.profiles !== undefined, `${name} needs ${each}`);
      }
      if (Array.isArray(depends_on)) continue;
      for (const [each, { condition }] of Object.entries(depends_on)) {
        assert.equal(condition, "service_healthy");
        assert.ok(service(each).healthcheck !== undefined, each);
      }
    }
  });

  test("has replicas that find the primary wherever it is, with a password from a file", () => {
    const { command = [], secrets: given, read_only, cap_drop, deploy } = service("replica");
    const lines = command.join("\n");
    const [, url = ""] = /LOCKKEEPER_DATABASE="([^"]+)"/.exec(lines) ?? [];
    const { hosts, database, user, password } = parseAddress(url.replace("$$password", "sample"));
    assert.deepEqual(
      hosts.map(({ name }) => name),
      ["primary", "standby"],
    );
    assert.equal(password, "sample");
    assert.match(script("primary"), new RegExp(`^CREATE DATABASE ${database} OWNER ${user} `, "m"));
    const entry = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(containerfile)?.[1] ?? "[]") as readonly string[];
    assert.ok(lines.includes(`\nexec ${entry.join(" ")} serve\n`));
    assert.deepEqual([given, read_only, cap_drop, deploy], [["database-password"], true, ["ALL"], { replicas: 2 }]);
  });

  test("has secrets in files that its comment makes, git ignores and no package has; each is given to its readers", () => {
    const [, names = ""] = /for name in ([a-z ]+); do openssl rand -hex 24 > secrets\/\$name-password/.exec(text) ?? [];
    assert.deepEqual(
      Object.entries(secrets).map(([name, { file }]) => [name, file]),
      names.split(" ").map((name) => [`${name}-password`, `./secrets/${name}-password`]),
    );
    assert.ok(read(".gitignore").split("\n").includes("/secrets/"));
    const { files } = JSON.parse(read("package.json")) as { readonly files: readonly string[] };
    assert.ok(!files.some((file) => file.startsWith("secrets") || file === "*"));
    for (const [name, { secrets: given = [], environment = {}, command = [] }] of Object.entries(services)) {
      const own = existsSync(join(ROOT, `deploy/postgres/${name}.sh`)) ? script(name) : "";
      const texts = [own, ...command, ...Object.values(environment)].join("\n");
      const readSecrets = [...texts.matchAll(/\/run\/secrets\/([\w-]+)/g)].map(([, secret]) => secret);
      assert.deepEqual([...new Set(readSecrets)].sort(), given.toSorted(), name);
    }
  });

  test("has a primary whose commits wait for the standby under its name", () => {
    const [, awaited] = /synchronous_standby_names = '(\w+)'/.exec(script("primary")) ?? [];
    assert.ok(service("standby").command?.includes(`cluster_name=${awaited}`));
    for (const name of ["primary", "standby"]) {
      // PostgreSQL's image would run one that is not executable inside its own shell.
      accessSync(join(ROOT, `deploy/postgres/${name}.sh`), constants.X_OK);
      assert.ok(
        (service(name).volumes ?? []).some((mount) => mount.startsWith(`./deploy/postgres/${name}.sh:`)),
        name,
      );
    }
  });

  test("has a balancer over all replicas, which asks whether they are ready", () => {
    const configuration = read("deploy/haproxy/haproxy.cfg");
    const [, slots, host = "", port] = /^ {4}server-template \w+ (\d+) (\w+):(\d+) /m.exec(configuration) ?? [];
    assert.ok(Number(slots) >= (service(host).deploy?.replicas ?? 0) && host === "replica");
    assert.equal(port, exposed);
    const [, bound] = /^ {4}bind :(\d+)$/m.exec(configuration) ?? [];
    assert.deepEqual(service("balancer").ports, [`127.0.0.1:8081:${bound}`]);
    assert.match(configuration, /^ {4}http-check send meth GET uri \/readyz /m);
  });
});
