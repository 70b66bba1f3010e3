/** The manifests in deploy/kubernetes: of the form that Kubernetes takes, and what they name exists. */
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { Deployment } from "kubernetes-types/apps/v1.js";
import type { HorizontalPodAutoscaler } from "kubernetes-types/autoscaling/v2.js";
import type { Container, HTTPGetAction, Service } from "kubernetes-types/core/v1.js";
import type { ObjectMeta } from "kubernetes-types/meta/v1.js";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.js";
import { parse, parseAllDocuments } from "yaml";
import { readConfig, SETTINGS } from "../../src/config.ts";
import { parseAddress } from "../../src/store/postgres/connect/address.ts";
import { httpRequest } from "../support/http-client.ts";
import { findProgram, runCommand } from "../support/run-command.ts";
import { startService, temporaryFolder } from "../support/service.ts";
import { filesBelow, ROOT, readRootFile } from "./support/tree.ts";

/** After drain and grace a stop gives up a database that hangs within this time. */
const DATABASE_MS = 10_000;

const FOLDER = "deploy/kubernetes";
/** Connections that a PostgreSQL takes by default, less those of its superusers. */
const CONNECTIONS_MAX = 97;

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly labels: readonly { readonly pairs: Readonly<Record<string, string>> }[];
}

/** The types of Kubernetes by `apiVersion` and `kind`, as the package `kubernetes-types` has them. */
const TYPES: Readonly<Record<string, string>> = {
  "apps/v1 Deployment": "apps/v1",
  "autoscaling/v2 HorizontalPodAutoscaler": "autoscaling/v2",
  "policy/v1 PodDisruptionBudget": "policy/v1",
  "v1 Service": "core/v1",
};

function read(path: string): string {
  const text = readRootFile(path);
  assert.ok(text !== undefined, `${path} does not exist`);
  return text;
}

const kustomization = parse(read(`${FOLDER}/kustomization.yaml`)) as Kustomization;
const manifests = kustomization.resources.flatMap((file) =>
  parseAllDocuments(read(`${FOLDER}/${file}`)).map((document): Manifest => {
    assert.deepEqual(document.errors, [], file);
    return document.toJS() as Manifest;
  }),
);

function manifest<T>(kind: string): T {
  const found = manifests.filter((each) => each.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0] as T;
}

const deployment = manifest<Deployment>("Deployment");
const pod = deployment.spec?.template.spec;
const [container] = pod?.containers ?? [];
const podLabels = {
  ...deployment.spec?.template.metadata?.labels,
  ...Object.assign({}, ...kustomization.labels.map(({ pairs }) => pairs)),
} as Readonly<Record<string, string>>;

/** Whether the pods have these labels; no labels select nothing. */
function selectsPods(labels: Readonly<Record<string, string>> = {}): boolean {
  const wanted = Object.entries(labels);
  return wanted.length > 0 && wanted.every(([name, value]) => podLabels[name] === value);
}

/** Returns what the compiler finds in manifests that are written as literals of their types: unknown fields, too. */
async function typeFaults(t: TestContext, documents: readonly Manifest[]): Promise<string> {
  const lines = documents.flatMap((document, index) => {
    const { apiVersion, kind } = document;
    const module = TYPES[`${apiVersion} ${kind}`];
    assert.ok(module !== undefined, `${apiVersion} ${kind}`);
    return [
      `import type { ${kind} as Kind${index} } from "${ROOT}node_modules/kubernetes-types/${module}.d.ts";`,
      `export const manifest${index}: Kind${index} = ${JSON.stringify(document, null, 1)};`,
    ];
  });
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "manifests.ts"), lines.join("\n"));
  const options = ["--strict", "--noEmit", "--module", "esnext", "--moduleResolution", "bundler", "--types", ""];
  const { stdout, stderr } = await runCommand(join(ROOT, "node_modules/.bin/tsc"), [...options, "manifests.ts"], {
    folder,
  });
  return stdout + stderr;
}

function environmentOf({ env = [] }: Container): ReadonlyMap<string, string | undefined> {
  return new Map(env.map(({ name, value }) => [name, value]));
}

describe("the manifests for Kubernetes", () => {
  test("the kustomization lists exactly the files", async () => {
    const files = await readdir(join(ROOT, FOLDER));
    const others = ["kustomization.yaml", "secret.env.example"];
    assert.deepEqual([...kustomization.resources, ...others].sort(), files.sort());
  });

  test("are of the form that Kubernetes takes, and a wrong field, value or kind of value is found", async (t) => {
    assert.equal(await typeFaults(t, manifests), "");
    const faulty = JSON.parse(
      JSON.stringify(manifests)
        .replace('"readinessProbe"', '"readynessProbe"')
        .replace('"maxUnavailable":1', '"maxUnavailable":[1]')
        .replace('"scaleTargetRef"', '"target"'),
    ) as readonly Manifest[];
    const faults = await typeFaults(t, faulty);
    for (const fault of [/"readynessProbe"/, /'number\[\]' is not assignable/, /"target"/]) assert.match(faults, fault);
  });

  test("every selector selects the pods, and every object points at what exists", () => {
    const services = manifests.filter(({ kind }) => kind === "Service") as readonly Service[];
    const budget = manifest<PodDisruptionBudget>("PodDisruptionBudget");
    const spread = pod?.topologySpreadConstraints ?? [];
    const selectors = [
      deployment.spec?.selector.matchLabels,
      budget.spec?.selector?.matchLabels,
      ...services.map(({ spec }) => spec?.selector),
      ...spread.map(({ labelSelector }) => labelSelector?.matchLabels),
    ];
    assert.equal(selectors.length, 6);
    for (const labels of selectors) assert.ok(selectsPods(labels), JSON.stringify(labels));
    assert.ok(!selectsPods({}) && !selectsPods({ "app.kubernetes.io/name": "other" }));
    const { scaleTargetRef } = manifest<HorizontalPodAutoscaler>("HorizontalPodAutoscaler").spec ?? {};
    const { apiVersion, kind, metadata } = deployment;
    assert.deepEqual(scaleTargetRef, { apiVersion, kind, name: metadata?.name });
    const ports = new Set((container?.ports ?? []).map(({ name }) => name));
    const targets = services.flatMap(({ spec }) => (spec?.ports ?? []).map(({ targetPort }) => targetPort));
    const probes = [container?.startupProbe, container?.readinessProbe, container?.livenessProbe];
    for (const port of [...targets, ...probes.map((probe) => probe?.httpGet?.port)]) {
      assert.ok(typeof port === "string" && ports.has(port), String(port));
    }
    const volumes = new Set((pod?.volumes ?? []).map(({ name }) => name));
    for (const { name } of container?.volumeMounts ?? []) assert.ok(volumes.has(name), name);
  });

  test("the probes ask paths that a service answers, and only readiness asks for the database", async (t) => {
    const service = await startService(t);
    const pathOf = ({ httpGet }: { httpGet?: HTTPGetAction } = {}): string => httpGet?.path ?? "";
    const paths = [container?.startupProbe, container?.readinessProbe, container?.livenessProbe].map(pathOf);
    assert.deepEqual(paths, ["/healthz", "/readyz", "/healthz"]);
    for (const path of paths) assert.equal((await httpRequest(service.url, path, { key: null })).status, 200, path);
  });

  test("the settings exist and have values that the service takes, and a stop fits into its time", () => {
    assert.ok(container !== undefined);
    const environment = environmentOf(container);
    const known = new Set<string>(Object.values(SETTINGS).map((setting) => setting.environment));
    assert.deepEqual(
      [...environment.keys()].filter((name) => !known.has(name)),
      [],
    );
    const values = [...environment].filter(([, value]) => value !== undefined);
    const config = readConfig([], Object.fromEntries(values));
    const { periodSeconds = 10, failureThreshold = 3 } = container.readinessProbe ?? {};
    assert.ok(config.stopDrainMs >= periodSeconds * failureThreshold * 1000);
    const graceMs = (pod?.terminationGracePeriodSeconds ?? 0) * 1000;
    assert.ok(graceMs >= config.stopDrainMs + config.stopGraceMs + DATABASE_MS);
    const ports = (container.ports ?? []).map(({ containerPort }) => containerPort);
    const exposed = Number(/^EXPOSE (\d+)$/m.exec(read("deploy/Containerfile"))?.[1]);
    assert.deepEqual(ports, [exposed, config.metricsListen?.port]);
  });

  test("no secret is in them; the example has every one that the pods need, in a form that is taken", () => {
    const example = new Map(
      [...read(`${FOLDER}/secret.env.example`).matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [
        name,
        value,
      ]),
    );
    const references = (container?.env ?? []).flatMap(({ name, valueFrom }) =>
      valueFrom?.secretKeyRef === undefined ? [] : [{ name, reference: valueFrom.secretKeyRef }],
    );
    assert.deepEqual(
      references.map(({ name }) => name),
      [...example.keys()],
    );
    for (const { name, reference } of references) assert.deepEqual(reference, { name: "lockkeeper", key: name });
    const { tls, password } = parseAddress(example.get("LOCKKEEPER_DATABASE") ?? "");
    assert.equal(password, "PASSWORD");
    assert.equal(tls.mode, "verify-full");
    const mounts = (container?.volumeMounts ?? []).map(({ mountPath }) => `${mountPath}/ca.crt`);
    assert.ok(mounts.includes(tls.rootCert ?? ""));
    assert.equal(example.get("LOCKKEEPER_ADMIN_KEY"), "");
    assert.ok(!manifests.some(({ kind }) => kind === "Secret"));
    for (const { path, text } of filesBelow([FOLDER], ".yaml")) assert.doesNotMatch(text, /postgres:\/\//, path);
  });

  test("the pods are nobody of consequence, and write nothing", () => {
    const user = Number(/^USER (\d+):/m.exec(read("deploy/Containerfile").replace(/^[\s\S]*^FROM/m, ""))?.[1]);
    const { runAsNonRoot, runAsUser, seccompProfile } = pod?.securityContext ?? {};
    assert.deepEqual([runAsNonRoot, runAsUser, seccompProfile?.type], [true, user, "RuntimeDefault"]);
    const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = container?.securityContext ?? {};
    assert.deepEqual(
      [allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities],
      [false, true, { drop: ["ALL"] }],
    );
    assert.equal(pod?.automountServiceAccountToken, false);
    for (const kind of ["requests", "limits"] as const) assert.ok(container?.resources?.[kind]?.memory, kind);
  });

  test("all replicas and the one of a rollout fit into the connections of a PostgreSQL", () => {
    const { minReplicas = 1, maxReplicas = 0 } =
      manifest<HorizontalPodAutoscaler>("HorizontalPodAutoscaler").spec ?? {};
    const { maxUnavailable } = manifest<PodDisruptionBudget>("PodDisruptionBudget").spec ?? {};
    // The autoscaler sets the number: one here would reset it with each rollout.
    assert.equal(deployment.spec?.replicas, undefined);
    assert.ok(minReplicas > Number(maxUnavailable) && minReplicas <= maxReplicas);
    const { maxSurge } = deployment.spec?.strategy?.rollingUpdate ?? {};
    assert.ok((maxReplicas + Number(maxSurge)) * Number(SETTINGS.databaseConnections.fallback) <= CONNECTIONS_MAX);
  });

  test("kubectl builds the kustomization that its comment shows", async (t) => {
    const kubectl = findProgram("kubectl");
    if (kubectl === undefined) {
      t.diagnostic("not built: there is no kubectl");
      return;
    }
    const folder = join(await temporaryFolder(t), "own");
    await mkdir(folder);
    const comment = read(`${FOLDER}/kustomization.yaml`);
    const shown = [...comment.matchAll(/^# {3}(.*)$/gm)].map(([, line]) => line).join("\n");
    const own = shown.replace("../lockkeeper/deploy/kubernetes", relative(folder, join(ROOT, FOLDER)));
    assert.notEqual(own, shown);
    await writeFile(join(folder, "kustomization.yaml"), own);
    await writeFile(join(folder, "secret.env"), read(`${FOLDER}/secret.env.example`));
    const { code, stdout, stderr } = await runCommand(kubectl, ["kustomize", folder]);
    assert.equal(code, 0, stderr);
    const built = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
    assert.equal(built.length, manifests.length + 1);
    const [secret] = built.filter(({ kind }) => kind === "Secret");
    assert.match(secret?.metadata.name ?? "", /^lockkeeper-\w+$/);
    const [builtDeployment] = built.filter(({ kind }) => kind === "Deployment") as readonly Deployment[];
    const [builtContainer] = builtDeployment?.spec?.template.spec?.containers ?? [];
    assert.equal(builtContainer?.env?.[0]?.valueFrom?.secretKeyRef?.name, secret?.metadata.name);
    const { version } = JSON.parse(read("package.json")) as { readonly version: string };
    assert.equal(builtContainer?.image, `registry.example.com/lockkeeper:${version}`);
  });
});
