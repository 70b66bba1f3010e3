/** The user agent that a request describes, as a session keeps it. */
import { isIP } from "node:net";
import type { UserAgent } from "@zitadel/proto/zitadel/session/v2/session_pb.js";
import { invalidArgument } from "../wire/error.ts";
import type { SessionWords } from "./session-words.ts";

/** As much as a session takes of what a client calls itself. */
const DESCRIPTION_CHARS_MAX = 1000;

export interface UserAgentWords extends Pick<SessionWords, "fingerprintId" | "header"> {
  readonly description: string;
  readonly ip: string;
}

/** Throws INVALID_ARGUMENT for a description that is too long. What is no address is left out, as in the original. */
export function toUserAgentWords(userAgent: UserAgent | undefined): UserAgentWords {
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
