/** Writes what was measured: tables in Markdown and a plot, next to the benchmarks. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { spread } from "./report.ts";
import type { Column } from "./servers.ts";

const FOLDER = join(import.meta.dirname, "..");
const MARKDOWN = join(FOLDER, "results.md");

/** One round of one side. */
export interface Measured {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the server for each call, all its threads. */
  readonly cpuMicros: number;
}

export interface CaseResult {
  readonly name: string;
  readonly what: string;
  readonly column: Column;
  readonly subjectName: string;
  readonly peerName: string;
  readonly subject: readonly Measured[];
  readonly peer: readonly Measured[];
  readonly atLeast: number | undefined;
  /** Of the subject, after its rounds, in MiB. */
  readonly residentMib: number;
}

export interface Conditions {
  readonly rounds: number;
  readonly seconds: number;
  readonly users: number;
  /** Whether all cases ran: only then the files are replaced. */
  readonly isWhole: boolean;
}

/** Prints the table, and replaces bench/results.md and bench/results.svg if all cases ran. */
export function writeResults(results: readonly CaseResult[], conditions: Conditions): void {
  const text = toMarkdown(results, conditions);
  process.stdout.write(`\n${text}`);
  if (!conditions.isWhole) return;
  const [, ...sections] = readSections();
  writeFileSync(MARKDOWN, [text, ...sections].join(""));
  writeFileSync(join(FOLDER, "results.svg"), toSvg(results));
}

/** Writes a section of bench/results.md, behind what `writeResults` writes. `text` begins with its heading, `## …`. */
export function writeSection(text: string): void {
  const [heading] = text.split("\n", 1);
  const others = readSections().filter((section) => !section.startsWith(`\n${heading}\n`));
  writeFileSync(MARKDOWN, [...others, `\n${text}`].join(""));
}

/** Returns the day, the version of Node and the processors. */
export function conditionsOf(): string {
  const [cpu] = cpus();
  return `${new Date().toISOString().slice(0, 10)}: Node ${process.version}, ${cpus().length} × ${cpu?.model ?? "unknown processor"}`;
}

/** The first is what `writeResults` has written. */
function readSections(): readonly string[] {
  return readFileSync(MARKDOWN, "utf8").split(/(?=\n## )/);
}

/** Returns the ratio of each round to the peer's round next to it. */
export function ratiosOf({ subject, peer }: CaseResult): readonly number[] {
  return subject.map((each, index) => each.callsPerSecond / (peer[index]?.callsPerSecond ?? Number.NaN));
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}

function toMarkdown(results: readonly CaseResult[], { rounds, seconds, users }: Conditions): string {
  const cells = results.map((each) => {
    const of = (name: keyof Measured, digits: number): string =>
      spread(
        each.subject.map((round) => round[name]),
        digits,
      );
    const perSecond = spread(
      each.peer.map(({ callsPerSecond }) => callsPerSecond),
      0,
    );
    return [
      each.column,
      each.what,
      of("callsPerSecond", 0),
      of("cpuMicros", 0),
      `${of("p50Ms", 1)}; ${of("p99Ms", 1)}`,
      `${each.peerName}: ${perSecond}`,
      `**${spread(ratiosOf(each), 2)}**`,
      each.atLeast === undefined ? "" : each.atLeast.toFixed(2),
      each.residentMib.toFixed(0),
    ];
  });
  const heads = ["", "case", "calls/s", "CPU µs a call", "p50; p99 ms", "peer, calls/s", "÷ peer", "aim", "MiB"];
  const rows = [heads, heads.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`);
  return `# Results

Made by \`npm run bench\` on ${conditionsOf()}.
${rounds} rounds of ${seconds} s for each side, one side after the other; ${users} users. Each cell: median (least to most). Ratios compare rounds
that ran next to each other. *one core*: the server with all its threads on the first core, the load on the second. Every call of
lockkeeper shows a key, is validated and logged at \`info\`; the peers do none of it.

![calls per second of lockkeeper divided by those of the peer](results.svg)

${rows.join("\n")}
`;
}

const BAR = { height: 18, gap: 8, left: 420, unit: 260, right: 80 } as const;

/** Bars of the median ratios; the line is the peer. */
function toSvg(results: readonly CaseResult[]): string {
  const most = Math.max(1.2, ...results.map((each) => medianOf(ratiosOf(each))));
  const shown = Math.min(most, 3);
  const width = BAR.left + BAR.unit * shown + BAR.right;
  const height = results.length * (BAR.height + BAR.gap) + BAR.gap;
  const bars = results.map((each, index) => {
    const ratio = medianOf(ratiosOf(each));
    const y = BAR.gap + index * (BAR.height + BAR.gap);
    const length = Math.min(ratio, shown) * BAR.unit;
    const fill = each.subjectName === "lockkeeper" ? "#2b6cb0" : "#a0aec0";
    return [
      `<text x="${BAR.left - 8}" y="${y + 13}" text-anchor="end">${escaped(`${each.what} (${each.column})`)}</text>`,
      `<rect x="${BAR.left}" y="${y}" width="${length.toFixed(1)}" height="${BAR.height}" fill="${fill}"/>`,
      `<text x="${(BAR.left + length + 6).toFixed(1)}" y="${y + 13}">${ratio.toFixed(2)}</text>`,
    ].join("\n");
  });
  const line = BAR.left + BAR.unit;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>Calls per second of the subject divided by those of the peer</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${bars.join("\n")}
<line x1="${line}" y1="0" x2="${line}" y2="${height}" stroke="#c53030" stroke-dasharray="4 3"/>
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
