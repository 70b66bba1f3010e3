/** Names the subject of attempts by one text. */
import type { AttemptSubject } from "../../domain/attempt.ts";

const USER_PREFIX = "user:";
const SHADOW_PREFIX = "shadow:";

/** Returns one text for a subject; users and shadows never share one. */
export function toSubjectKey(subject: AttemptSubject): string {
  return "userId" in subject ? USER_PREFIX + subject.userId : SHADOW_PREFIX + subject.shadow;
}

export function toSubject(key: string): AttemptSubject {
  return key.startsWith(USER_PREFIX)
    ? { userId: key.slice(USER_PREFIX.length) }
    : { shadow: key.slice(SHADOW_PREFIX.length) };
}
