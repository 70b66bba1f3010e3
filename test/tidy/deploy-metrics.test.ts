/** The dashboard and the alert rules name what a running service exposes, and what it exposes is on the dashboard. */
import assert from "node:assert/strict";
import { before, describe, type TestContext, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { DescService } from "@bufbuild/protobuf";
import { parse } from "yaml";
import * as contract from "../../clients/typescript/src/node.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { type Family, parseExposition } from "../support/exposition.ts";
import { httpRequest } from "../support/http-client.ts";
import { noPostgres } from "../support/postgres.ts";
import { startReplicas, startService } from "../support/service.ts";
import { until } from "../support/until.ts";
import { documentRows } from "./support/document-table.ts";
import { readRootFile } from "./support/tree.ts";

/** What Prometheus adds by itself. */
const OF_PROMETHEUS = { metrics: ["up"], labels: ["job", "instance"] };
/** Codes and reasons that the traffic below does not bring about. */
const CODES =
  /^(?:OK|CANCELED|UNKNOWN|INVALID_ARGUMENT|DEADLINE_EXCEEDED|NOT_FOUND|ALREADY_EXISTS|PERMISSION_DENIED|RESOURCE_EXHAUSTED|FAILED_PRECONDITION|ABORTED|OUT_OF_RANGE|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS|UNAUTHENTICATED)$/;

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly type: string;
    readonly description?: string;
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** One selector of an expression: a metric with its matchers. */
interface Selector {
  readonly metric: string;
  readonly matchers: readonly (readonly [label: string, operator: string, value: string])[];
}

interface Query {
  readonly selectors: readonly Selector[];
  /** Labels that results are grouped or matched by. */
  readonly labels: readonly string[];
}

const KEYWORDS = /^(?:and|or|unless|by|without|on|ignoring|group_left|group_right|bool|offset|inf|nan)$/i;

/** The parts of a PromQL expression that name something. */
function readQuery(expression: string): Query {
  const labels: string[] = [];
  const withoutGroups = expression.replace(
    /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g,
    (_, list: string) => {
      labels.push(
        ...list
          .split(",")
          .map((label) => label.trim())
          .filter((label) => label !== ""),
      );
      return " ";
    },
  );
  const selectors: Selector[] = [];
  const rest = withoutGroups.replace(/\[[^\]]*\]/g, " ");
  const pattern =
    /(?<name>[a-zA-Z_:][\w:]*)\s*(?<next>[({]?)(?<matchers>(?<=\{)(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?|"(?:[^"\\]|\\.)*"|[\d.]+(?:e\d+)?/g;
  for (const { groups } of rest.matchAll(pattern)) {
    const { name, next, matchers = "" } = groups ?? {};
    if (name === undefined || next === "(" || KEYWORDS.test(name)) continue;
    selectors.push({ metric: name, matchers: readMatchers(matchers) });
  }
  return { selectors, labels };
}

function readMatchers(text: string): Selector["matchers"] {
  return [...text.matchAll(/(?<label>\w+)\s*(?<operator>=~|!~|!=|=)\s*"(?<value>(?:[^"\\]|\\.)*)"/g)].map(
    ({ groups: { label = "", operator = "", value = "" } = {} }) => [label, operator, value] as const,
  );
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isService(value: unknown): value is DescService {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
}

const dashboard = JSON.parse(readRootFile("deploy/grafana/lockkeeper.json") ?? "") as Dashboard;
const rules = (
  parse(readRootFile("deploy/prometheus/alerts.yml") ?? "") as {
    readonly groups: readonly { readonly rules: Rule[] }[];
  }
).groups.flatMap((group) => group.rules);

const panelQueries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ where: `panel ${title}`, expr, legendFormat })),
);
const variableQueries = dashboard.templating.list.flatMap(({ name, query }) => {
  const text = (query as { readonly query?: unknown }).query ?? query;
  const [, expr, label] = /^label_values\((.+), (\w+)\)$/.exec(isString(text) ? text : "") ?? [];
  return expr === undefined
    ? []
    : [{ where: `variable ${name}`, expr: `sum by (${label}) (${expr})`, legendFormat: "" }];
});
const ruleQueries = rules.map(({ alert, expr, annotations }) => ({
  where: `alert ${alert}`,
  expr,
  legendFormat: Object.values(annotations).join(" "),
}));
const queries = [...panelQueries, ...variableQueries, ...ruleQueries];

/** A scrape after calls of every kind: granted, refused, unknown, scraped. In addition what a PostgreSQL database has. */
let families: ReadonlyMap<string, Family>;
/** Why there is no PostgreSQL. */
const missing = await noPostgres();
before(async (root) => {
  // At the top of a file it is the file's own context: the service stops when its tests are over.
  const context = root as TestContext;
  const { url, users } = await startService(context);
  await users.createUser({ userId: "alice" });
  await users.lockUser({ userId: "alice" });
  await users.lockUser({ userId: "alice" }).catch(() => undefined);
  await httpRequest(url, "/v1/users/alice", { key: null });
  await httpRequest(url, "/nothing");
  const replicas = missing === undefined ? await startReplicas(context, 1) : undefined;
  const scrape = async (): Promise<boolean> => {
    const urls = replicas === undefined ? [url] : [replicas.url, url];
    const answers = await Promise.all(urls.map((each) => httpRequest(each, "/metrics")));
    families = new Map(answers.flatMap(({ text }) => [...parseExposition(text)]));
    return families.get("nodejs_gc_duration_seconds")?.samples.length !== 0;
  };
  // Garbage collections are counted from the first scrape on.
  await scrape();
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  await until(scrape, "a garbage collection in the metrics");
});

function familyOf(metric: string): Family | undefined {
  return families.get(metric) ?? families.get(metric.replace(/_(?:bucket|sum|count)$/, ""));
}

/** Every label that the metric's samples carry, with the values seen. */
function labelsOf(metric: string): ReadonlyMap<string, ReadonlySet<string>> {
  const labels = new Map<string, Set<string>>(OF_PROMETHEUS.labels.map((label) => [label, new Set()]));
  for (const sample of familyOf(metric)?.samples ?? []) {
    if (sample.name !== metric) continue;
    for (const [label, value] of Object.entries(sample.labels)) {
      labels.set(label, (labels.get(label) ?? new Set()).add(value));
    }
  }
  return labels;
}

/** What a query names that is not there. */
function strangersIn({
  expr,
  legendFormat,
}: {
  readonly expr: string;
  readonly legendFormat: string;
}): readonly string[] {
  const { selectors, labels } = readQuery(expr);
  const shown = [...legendFormat.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)/g)].map(([, label = ""]) => label);
  const known = new Set(selectors.flatMap(({ metric }) => [...labelsOf(metric).keys()]));
  const strangers = [...labels, ...shown].filter((label) => !known.has(label)).map((label) => `no label ${label}`);
  for (const { metric, matchers } of selectors) {
    if (OF_PROMETHEUS.metrics.includes(metric)) continue;
    const samples = familyOf(metric)?.samples.filter(({ name }) => name === metric) ?? [];
    if (samples.length === 0) strangers.push(`no metric ${metric}`);
    const present = labelsOf(metric);
    for (const [label, operator, value] of matchers) {
      if (!present.has(label)) strangers.push(`${metric} has no label ${label}`);
      if (label === "le" && present.get("le")?.has(value) !== true) strangers.push(`${metric} has no bucket ${value}`);
      const codes = operator.endsWith("~") ? value.split("|") : [value];
      if (label === "code") {
        strangers.push(...codes.filter((code) => !CODES.test(code)).map((code) => `no code ${code}`));
      }
    }
  }
  return strangers;
}

describe("what is deployed to watch the service", { skip: missing ?? false }, () => {
  test("the rule finds what it is there to find, and nothing else", () => {
    const fine = [
      'sum by (rpc, le) (rate(lockkeeper_call_duration_seconds_bucket{rpc!~"a{1}.*", le="0.25"}[5m])) > 2e6',
      'histogram_quantile(0.99, rate(lockkeeper_batch_commands_bucket{job="$job"}[$__rate_interval])) or up == 0',
    ];
    for (const expr of fine) assert.deepEqual(strangersIn({ expr, legendFormat: "{{job}}" }), [], expr);
    const strange: readonly (readonly [expr: string, legendFormat: string, found: string])[] = [
      ["rate(lockkeeper_calls_total[5m])", "", "no metric lockkeeper_calls_total"],
      ["lockkeeper_batch_commands", "", "no metric lockkeeper_batch_commands"],
      ["lockkeeper_connections / lockkeeper_connection", "", "no metric lockkeeper_connection"],
      ['lockkeeper_refusals_total{wire="rest"}', "", "lockkeeper_refusals_total has no label wire"],
      ['lockkeeper_refusals_total{code="NotFound"}', "", "no code NotFound"],
      ["sum by (method) (lockkeeper_refusals_total)", "", "no label method"],
      ["lockkeeper_connections", "{{ $labels.host }}", "no label host"],
      ['lockkeeper_batch_commands_bucket{le="3"}', "", "lockkeeper_batch_commands_bucket has no bucket 3"],
    ];
    for (const [expr, legendFormat, found] of strange) assert.deepEqual(strangersIn({ expr, legendFormat }), [found]);
  });

  test("every metric, label, bucket and code that the dashboard and the alerts name is exposed", () => {
    assert.ok(panelQueries.length > 30 && variableQueries.length === 2 && ruleQueries.length > 10);
    assert.deepEqual(
      queries.flatMap((query) => strangersIn(query).map((stranger) => `${query.where}: ${stranger}`)),
      [],
    );
  });

  test("every metric of ours is on the dashboard", () => {
    const used = new Set(
      panelQueries.flatMap(({ expr }) => readQuery(expr).selectors.map(({ metric }) => familyOf(metric)?.name)),
    );
    const own = [...families.keys()].filter((name) => name.startsWith("lockkeeper_"));
    assert.ok(own.length >= 20);
    assert.deepEqual(
      own.filter((name) => !used.has(name)),
      [],
    );
  });

  test("every metric of ours is in the documentation, and no other one is", () => {
    const own = [...families.keys()].filter((name) => name.startsWith("lockkeeper_"));
    const rows = documentRows("docs/monitoring.md", "| metric | labels | what |");
    const documented = rows.flatMap(([names = ""]) => names.match(/\w+/g) ?? []);
    assert.deepEqual(documented.sort(), own.sort());
  });

  test("every panel says what it shows, under a number of its own", () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const { type, title, description = "" } of panels) {
      if (type !== "row") assert.match(description, /[.]$/, title);
    }
  });

  test("every alert has a name of its own, a severity, a summary and a runbook", () => {
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    for (const { alert, labels, annotations } of rules) {
      assert.match(alert, /^Lockkeeper[A-Z][A-Za-z]+$/);
      assert.match(labels.severity ?? "", /^(?:page|ticket)$/, alert);
      assert.match(annotations.summary ?? "", /[.]$/, alert);
      assert.ok((annotations.runbook ?? "").length > 100, alert);
    }
  });

  test("every alert that a runbook names is there, and every alert watches the job", () => {
    const names = rules.map(({ alert }) => alert);
    for (const { alert, expr, annotations } of rules) {
      for (const [name] of (annotations.runbook ?? "").matchAll(/Lockkeeper[A-Z]\w+/g)) {
        assert.ok(names.includes(name), name);
      }
      for (const { metric, matchers } of readQuery(expr).selectors) {
        assert.ok(
          matchers.some(([label, , value]) => label === "job" && value === "lockkeeper"),
          `${alert}: ${metric}`,
        );
      }
    }
  });

  test("latency leaves out every call that lasts as long as its caller wants", () => {
    const waiting = ["lockkeeper.signin.v1.SignInService/BeginAttempt", "lockkeeper.user.v1.UserService/ImportUsers"];
    const services = Object.values(contract).filter((value) => isService(value));
    const streams = [...services, Health].flatMap(({ typeName, methods }) =>
      methods.filter(({ methodKind }) => methodKind !== "unary").map(({ name }) => `${typeName}/${name}`),
    );
    assert.ok(streams.length >= 2);
    // Where each RPC stands for itself they are shown.
    const overall = queries.filter(
      ({ expr }) => /call_duration_seconds_(?:bucket|sum)/.test(expr) && !/rpc, le/.test(expr),
    );
    assert.ok(overall.length >= 4);
    for (const { where, expr } of overall) {
      const leftOut = [...expr.matchAll(/rpc!~"([^"]+)"/g)].map(([, value]) => new RegExp(`^(?:${value})$`));
      assert.equal(leftOut.length, readQuery(expr).selectors.length, where);
      for (const pattern of leftOut) {
        for (const rpc of [...waiting, ...streams]) assert.match(rpc, pattern, where);
        assert.doesNotMatch("lockkeeper.user.v1.UserService/LockUser", pattern, where);
      }
    }
  });
});
