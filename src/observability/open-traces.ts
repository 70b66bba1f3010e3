/** Opens the exporter of traces, if the environment asks for traces. */
import type { Log } from "./log.ts";
import { readTraceSettings, type Traces } from "./traces.ts";

export interface OpenTracesOptions {
  /** Of the service. */
  readonly version: string;
  readonly log: Log;
  /** Called with what is wrong with the settings. */
  readonly warn: (warning: string) => void;
}

/** Loads the exporter only if the settings ask for traces. */
export async function openTraces({ version, log, warn }: OpenTracesOptions): Promise<Traces | undefined> {
  const settings = readTraceSettings(process.env, warn);
  if (settings === undefined) return undefined;
  const { openOtlpTraces } = await import("./otlp-traces.ts");
  return openOtlpTraces({ settings, version, log });
}
