/** The addresses of the console. */

import { T } from "../texts/texts.ts";
import type { Permission } from "./permissions.ts";

/** What every address begins with. The router adds it to those below. */
export const BASE = "/console";

/** The address of a user's page, or of a tab or dialog of it. */
export function userPath(userId: string, tab?: string, act?: string): string {
  const path = `/users/${encodeURIComponent(userId)}${tab === undefined ? "" : `/${tab}`}`;
  return act === undefined ? path : `${path}?act=${act}`;
}

export interface UserPlace {
  readonly userId: string;
  /** Empty: the first. */
  readonly tab: string;
}

/**
 * Returns which user's page an address shows; undefined if none. The router decodes addresses before it matches them,
 * which makes two ids of `a%2Fb` and `a/b`; so the address is read as it is.
 */
export function userPlaceOf(pathname: string): UserPlace | undefined {
  const [, id, tab = ""] = /^\/console\/users\/([^/]+)(?:\/([^/]*))?$/.exec(pathname) ?? [];
  if (id === undefined) return undefined;
  try {
    return { userId: decodeURIComponent(id), tab };
  } catch {
    return undefined;
  }
}

export interface NavItem {
  readonly label: string;
  readonly href: string;
  /** Without it the item is not shown; undefined: everybody sees it. */
  readonly permission: Permission | undefined;
}

/** The pages of the menu, in its order. */
export const NAV: readonly NavItem[] = [
  { label: T.nav.home, href: "/", permission: undefined },
  { label: T.nav.users, href: "/users", permission: "user.read" },
  { label: T.nav.locked, href: "/locked", permission: "user.read" },
  { label: T.nav.ending, href: "/ending", permission: "user.read" },
  { label: T.nav.policy, href: "/policy", permission: "policy.read" },
  { label: T.nav.events, href: "/events", permission: "events.read" },
  { label: T.nav.organizations, href: "/organizations", permission: "org.read" },
  { label: T.nav.keys, href: "/keys", permission: "key.read" },
  { label: T.nav.health, href: "/health", permission: undefined },
];
