/** Every text of the console in English. Texts with values are functions. */
import { ACTS } from "./english/acts.ts";
import { EVENTS } from "./english/events.ts";
import { FRAME } from "./english/frame.ts";
import { HEALTH } from "./english/health.ts";
import { HOME } from "./english/home.ts";
import { KEYBOARD } from "./english/keyboard.ts";
import { KEYS } from "./english/keys.ts";
import { LIVE } from "./english/live.ts";
import { ORGANIZATIONS } from "./english/organizations.ts";
import { POLICY } from "./english/policy.ts";
import { RESTRICTED } from "./english/restricted.ts";
import { TABS } from "./english/tabs.ts";
import { USER } from "./english/user.ts";
import { USERS } from "./english/users.ts";

/** The texts, one file for each page: what all pages share stands in `frame.ts`. */
export const ENGLISH = {
  ...FRAME,
  organizations: ORGANIZATIONS,
  keys: KEYS,
  keyboard: KEYBOARD,
  health: HEALTH,
  acts: ACTS,
  events: EVENTS,
  home: HOME,
  live: LIVE,
  policy: POLICY,
  restricted: RESTRICTED,
  tabs: TABS,
  user: USER,
  users: USERS,
};
