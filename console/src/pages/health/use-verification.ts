/** A verification of the history as it proceeds. */
import { createClient } from "@connectrpc/connect";
import { useEffect, useRef, useState } from "react";
import { HistoryService, type VerifyReport } from "../../../../gen/lockkeeper/event/v1/history_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { NO_TIMEOUT } from "../../wire/transport.ts";

interface Verification {
  /** `broken`: the stream ended without a report, so nothing is verified. */
  readonly phase: "idle" | "running" | "stopped" | "broken" | "over";
  readonly position: bigint;
  readonly total: bigint;
  readonly report?: VerifyReport;
  readonly error?: unknown;
}

const IDLE: Verification = { phase: "idle", position: 0n, total: 0n };

/** Returns how far it is, and how to begin and to stop. It stops when the page is left. */
export function useVerification(): Verification & {
  /** `checkpoint`: a signed note to compare with; empty: none. */
  readonly run: (checkpoint: string) => Promise<void>;
  readonly stop: () => void;
} {
  const { transport } = useSession();
  const [state, setState] = useState(IDLE);
  const stopping = useRef(new AbortController());
  useEffect(() => () => stopping.current.abort(), []);
  const run = async (checkpoint: string): Promise<void> => {
    stopping.current = new AbortController();
    const { signal } = stopping.current;
    setState({ ...IDLE, phase: "running" });
    try {
      const note = checkpoint.trim() === "" ? "" : `${checkpoint.trim()}\n`;
      for await (const { message } of createClient(HistoryService, transport).verifyHistory(
        { checkpoint: note },
        { signal, timeoutMs: NO_TIMEOUT },
      )) {
        if (message.case === "progress") setState({ phase: "running", ...message.value });
        if (message.case === "report") return setState({ ...IDLE, phase: "over", report: message.value });
      }
      setState({ ...IDLE, phase: "broken" });
    } catch (error) {
      setState({ ...IDLE, ...(signal.aborted ? { phase: "stopped" } : { phase: "over", error }) });
    }
  };
  return { ...state, run, stop: () => stopping.current.abort() };
}
