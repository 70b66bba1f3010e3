/** How live a page is, in words. */
import type { ReactNode } from "react";
import { useSession } from "../app/session.tsx";
import { T } from "../texts/texts.ts";
import { useLiveStatus } from "./use-live.ts";

/** One line. Trouble is read out to those who hear the page; that all is well is not. */
export function LiveStatus(): ReactNode {
  const { missing } = useSession();
  const status = useLiveStatus();
  const isWell = status === "live" || status === "starting";
  return (
    <p className={`live live-${status ?? "never"}`} role={isWell ? undefined : "status"}>
      <span className="live-dot" aria-hidden="true" />
      {status === undefined ? `${missing("events.read")} ${T.live.never}` : T.live[status]}
    </p>
  );
}
