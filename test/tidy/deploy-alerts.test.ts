/** The alert rules by Prometheus' own tool: quiet in normal operation, loud in need. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findProgram, runCommand } from "../support/run-command.ts";
import { temporaryFolder } from "../support/service.ts";
import { ROOT } from "./support/tree.ts";

/**
 * A quarter of an hour of a service in each situation, or as many minutes as it says, and which of the alerts sound at
 * its end.
 */
function alertCases(): object {
  const labels = 'job="lockkeeper", instance="a"';
  const calls = (code: string, perMinute: number): object => {
    const series = `lockkeeper_call_duration_seconds_count{${labels}, rpc="r", code="${code}"}`;
    return { series, values: `0+${perMinute}x20` };
  };
  const refusals = (reason: string, perMinute: number): object => {
    const series = `lockkeeper_refusals_total{${labels}, code="UNAVAILABLE", reason="${reason}"}`;
    return { series, values: `0+${perMinute}x20` };
  };
  const gauge = (name: string, values: string): object => ({ series: `${name}{${labels}}`, values });
  const well = calls("OK", 1000);
  const batches = gauge("lockkeeper_batch_commands_count", "0+1000x20");
  const situations: readonly (readonly [input: readonly object[], alerts: readonly string[], minutes?: number])[] = [
    [[well], []],
    [[well, calls("UNAVAILABLE", 100)], ["LockkeeperErrors"]],
    [[well, calls("INTERNAL", 100), refusals("ATTEMPTS_OUTSTANDING", 1)], ["LockkeeperErrors"]],
    [[well, calls("UNAVAILABLE", 100), refusals("STORE_UNAVAILABLE", 100)], ["LockkeeperErrors"]],
    [[well, calls("UNAVAILABLE", 100), refusals("ATTEMPTS_OUTSTANDING", 100)], []],
    [[well, calls("UNAVAILABLE", 100), refusals("ISSUER_UNAVAILABLE", 100)], ["LockkeeperIssuerUnavailable"]],
    [[well, calls("UNAVAILABLE", 300), refusals("ATTEMPTS_OUTSTANDING", 100)], ["LockkeeperErrors"]],
    [
      [
        gauge("lockkeeper_backups_under_way", "1x20"),
        gauge("lockkeeper_wal_pending_bytes", "0+400000000x20"),
        gauge("lockkeeper_wal_wait_seconds_total", "0+0.1x20"),
      ],
      [],
    ],
    // What grew during a backup is moved after it.
    [[gauge("lockkeeper_backups_under_way", "0x20"), gauge("lockkeeper_wal_pending_bytes", "4000000000x20")], []],
    [[gauge("lockkeeper_wal_wait_seconds_total", "0+30x20")], ["LockkeeperWalFull"]],
    // Replicas meet now and then.
    [[batches, gauge("lockkeeper_write_retries_total", "0+5x20")], []],
    [[batches, gauge("lockkeeper_write_retries_total", "0+200x20")], ["LockkeeperWriteRetries"]],
    [[gauge("lockkeeper_commits_unknown_total", "0x13 1x7")], ["LockkeeperCommitUnknown"]],
    [[gauge("lockkeeper_reads_waiting", "20x20"), gauge("lockkeeper_clock_skew_seconds", "-0.5x20")], []],
    [[gauge("lockkeeper_reads_waiting", "200x20")], ["LockkeeperReadsWaiting"]],
    [[gauge("lockkeeper_clock_skew_seconds", "-2x20")], ["LockkeeperClockSkew"]],
    [[gauge("lockkeeper_checkpoint_age_seconds", "3600x20"), gauge("lockkeeper_erasures_open", "16x20")], []],
    [[gauge("lockkeeper_checkpoint_age_seconds", "8000x20")], ["LockkeeperCheckpointOld"]],
    [[gauge("lockkeeper_erasures_open", "2x59 0x10")], [], 65],
    [[gauge("lockkeeper_erasures_open", "2x70")], ["LockkeeperErasuresOpen"], 65],
  ];
  const watched = [
    ...["LockkeeperErrors", "LockkeeperIssuerUnavailable", "LockkeeperWalFull", "LockkeeperWriteRetries"],
    ...["LockkeeperCommitUnknown", "LockkeeperReadsWaiting", "LockkeeperClockSkew", "LockkeeperCheckpointOld"],
    "LockkeeperErasuresOpen",
  ];
  return {
    rule_files: [join(ROOT, "deploy/prometheus/alerts.yml")],
    evaluation_interval: "1m",
    tests: situations.map(([input, alerts, minutes = 15]) => ({
      interval: "1m",
      input_series: input,
      promql_expr_test: watched.map((name) => ({
        expr: `count(ALERTS{alertname="${name}", alertstate="firing"}) or vector(0)`,
        eval_time: `${minutes}m`,
        exp_samples: [{ labels: "{}", value: Number(alerts.includes(name)) }],
      })),
    })),
  };
}

test("alerts stay quiet in a backup and where callers are asked to wait, and sound in need", async (t) => {
  const promtool = findProgram("promtool");
  if (promtool === undefined) {
    t.skip("there is no promtool (Debian: apt-get install prometheus)");
    return;
  }
  const file = join(await temporaryFolder(t), "alerts.test.yml");
  // YAML understands JSON.
  await writeFile(file, JSON.stringify(alertCases()));
  const { code, stdout, stderr } = await runCommand(promtool, ["test", "rules", file]);
  assert.equal(code, 0, stdout + stderr);
});
