/** The tabs of a user's page, in their order. The first is at the address without a tab. */
import { type ComponentType, lazy } from "react";
import type { Permission } from "../../app/permissions.ts";
import { T } from "../../texts/texts.ts";
import { Overview } from "./overview.tsx";
import type { UserTabProps } from "./user-tab.ts";

export interface UserTab {
  /** The last part of its address. */
  readonly id: string;
  readonly label: string;
  /** Without it the tab is not shown. */
  readonly permission: Permission;
  /** `lazy(…)`, except for the first: a tab is loaded when it is opened. */
  readonly View: ComponentType<UserTabProps>;
}

const Timeline = lazy(async () => ({ default: (await import("./tabs/timeline.tsx")).Timeline }));
const Sessions = lazy(async () => ({ default: (await import("./tabs/sessions.tsx")).Sessions }));
const Attempts = lazy(async () => ({ default: (await import("./tabs/attempts.tsx")).Attempts }));
const Explain = lazy(async () => ({ default: (await import("./tabs/explain.tsx")).Explain }));
const Raw = lazy(async () => ({ default: (await import("./tabs/raw.tsx")).Raw }));

export const USER_TABS: readonly UserTab[] = [
  { id: "overview", label: T.user.overview, permission: "user.read", View: Overview },
  { id: "timeline", label: T.user.timeline, permission: "events.read", View: Timeline },
  { id: "sessions", label: T.tabs.sessions.tab, permission: "session.read", View: Sessions },
  { id: "attempts", label: T.tabs.attempts.tab, permission: "signin.read", View: Attempts },
  { id: "explain", label: T.tabs.explain.tab, permission: "session.read", View: Explain },
  { id: "json", label: T.tabs.raw.tab, permission: "user.read", View: Raw },
];
