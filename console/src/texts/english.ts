/** Every text of the console in English. Texts with values are functions. */
import { ACTS } from "./english/acts.ts";
import { FRAME } from "./english/frame.ts";
import { HOME } from "./english/home.ts";
import { LIVE } from "./english/live.ts";
import { POLICY } from "./english/policy.ts";
import { RESTRICTED } from "./english/restricted.ts";
import { USER } from "./english/user.ts";
import { USERS } from "./english/users.ts";

/** The texts, one file for each page: what all pages share stands in `frame.ts`. */
export const ENGLISH = {
  ...FRAME,
  acts: ACTS,
  home: HOME,
  live: LIVE,
  policy: POLICY,
  restricted: RESTRICTED,
  user: USER,
  users: USERS,
};
