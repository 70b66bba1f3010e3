/** The user agent of a request, in the form that a session stores. */
import { isIP } from "node:net";
import type { UserAgent } from "@zitadel/proto/zitadel/session/v2/session_pb.js";
import { invalidArgument } from "../wire/error.ts";
import type { SessionExtras } from "./session-attributes.ts";

/** The limits that a session sets for a client's description of itself. */
const DESCRIPTION_CHARS_MAX = 1000;

export interface UserAgentExtras extends Pick<SessionExtras, "fingerprintId" | "header"> {
  readonly description: string;
  readonly ip: string;
}

/** Throws INVALID_ARGUMENT for a description that is too long. Drops an invalid address, as ZITADEL does. */
export function toUserAgentExtras(userAgent: UserAgent | undefined): UserAgentExtras {
  const { fingerprintId, ip = "", description = "", header = {} } = userAgent ?? {};
  if (description.length > DESCRIPTION_CHARS_MAX) {
    throw invalidArgument(
      `invalid UserAgent.Description: value length must be at most ${DESCRIPTION_CHARS_MAX} characters`,
    );
  }
  return {
    description,
    ip: isIP(ip) === 0 ? "" : ip,
    header: Object.fromEntries(Object.entries(header).map(([name, { values }]) => [name, values])),
    ...(fingerprintId === undefined ? {} : { fingerprintId }),
  };
}
