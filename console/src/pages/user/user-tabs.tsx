/** The tabs of a user's page, in their order. The first is at the address without a tab. */
import type { ComponentType } from "react";
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

export const USER_TABS: readonly UserTab[] = [
  { id: "overview", label: T.user.overview, permission: "user.read", View: Overview },
];
