/** The words of a command line for the numbers of the contract's enums. */

export const STATES = { active: 1, locked: 2, inactive: 3, banned: 4, deleted: 5 } as const;
export const KINDS = { lock: 1, ban: 2, deactivation: 3 } as const;
export const CAUSES = { admin: 1, policy: 2, directory: 3, recovery: 4 } as const;
export const FACTORS = { password: 1, otp: 2, passkey: 3, "backup-code": 4, recovery: 5 } as const;
export const OUTCOMES = { succeeded: 1, failed: 2, outstanding: 3, expired: 4, denied: 5 } as const;
export const SESSION_STATUSES = {
  active: 1,
  unknown: 2,
  revoked: 3,
  expired: 4,
  idle: 5,
  "user-banned": 6,
  "user-inactive": 7,
  "user-deleted": 8,
  ended: 9,
} as const;

/** The word for a number, in capitals; the number itself where a newer service has more of them. */
export function nameOf(words: Readonly<Record<string, number>>, number: number): string {
  const found = Object.keys(words).find((word) => words[word] === number);
  return found?.toUpperCase().replaceAll("-", "_") ?? String(number);
}
