/** What a support desk has to do with: users in every state, with sessions, attempts and a history; and hostile names. */
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import type { Running } from "./service.ts";

const HOUR = 3_600n;

/** The user that has something on every tab. */
export const BUSY_USER = "grace.hopper";

const PEOPLE: readonly (readonly [id: string, name: string])[] = [
  ["ada.lovelace", "Ada Lovelace"],
  ["alan.turing", "Alan Turing"],
  ["barbara.liskov", "Barbara Liskov"],
  ["donald.knuth", "Donald Knuth"],
  ["edsger.dijkstra", "Edsger Dijkstra"],
  [BUSY_USER, "Grace Hopper"],
  ["katherine.johnson", "Katherine Johnson"],
  ["margaret.hamilton", "Margaret Hamilton"],
  ["radia.perlman", "Radia Perlman"],
];

/** Fills a service: nine users in every state, an organization, and keys. */
export async function seedDesk({ users, sessions, signIns, organizations, keys }: Running): Promise<void> {
  await organizations.createOrganization({ organizationId: "acme", displayName: "Acme Corporation" });
  await keys.createApiKey({ displayName: "support desk", role: "operator" });
  await keys.createApiKey({ displayName: "login page", role: "login", organizationId: "acme" });
  for (const [userId, displayName] of PEOPLE) {
    const email = `${userId}@example.com`;
    await users.createUser({ userId, profile: { displayName, username: userId, email, emailVerified: true } });
  }
  const subject = { subject: { case: "userId", value: BUSY_USER } } as const;
  const client = { ip: "203.0.113.24", userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0" };
  await sessions.createSession({ userId: BUSY_USER, ...client });
  await sessions.createSession({ userId: BUSY_USER, ip: "198.51.100.7", userAgent: "lockkeeper-app/3.1 (iPhone)" });
  await signIns.recordSuccess({ subject, factor: Factor.PASSWORD, client });
  for (let failures = 0; failures < 4; failures++) {
    await signIns.recordFailure({ subject, factor: Factor.PASSWORD, client: { ip: "192.0.2.66" } });
  }
  await signIns.recordFailure({ subject, factor: Factor.OTP, client });
  await users.lockUser({
    userId: BUSY_USER,
    reasonCode: "COMPROMISED",
    note: "Called from a new number and asked for the second factor to be taken away.",
    expiry: lasting(26n * HOUR),
  });
  await users.banUser({ userId: "alan.turing", reasonCode: "SPAM", expiry: lasting(24n * 6n * HOUR) });
  await users.lockUser({ userId: "alan.turing", reasonCode: "USER_REQUEST", expiry: lasting(2n * HOUR) });
  await users.lockUser({ userId: "radia.perlman", reasonCode: "CHARGEBACK", expiry: lasting(HOUR / 4n) });
  await users.banUser({ userId: "edsger.dijkstra", reasonCode: "ABUSE" });
  await users.deactivateUser({ userId: "barbara.liskov", reasonCode: "LEFT" });
}

function lasting(seconds: bigint) {
  return { case: "duration", value: { seconds, nanos: 0 } } as const;
}

/** Names and ids that break pages which did not expect them, and what each is about. */
export const HOSTILE_NAMES: readonly (readonly [id: string, name: string])[] = [
  ["right-to-left", "\u202Emoc.elpmaxe@nimda"],
  ["arabic", "عبد الرحمن بن محمد"],
  ["<img src=x onerror=alert(1)>", "<script>alert(1)</script>"],
  ["a%2F..%2f%41/?#&", "\"';--{{7*7}}"],
  ["w".repeat(200), "M".repeat(200)],
  ["combining", `Z${"\u0351\u0363\u0330".repeat(30)}algo`],
  ["emoji-👩🏽‍🚀", "👩🏽‍🚀🏳️‍🌈"],
  ["blank", "\u200B\u00A0\u2003"],
];

/** Makes a user of each name, in every tab's reach: a session, a failed attempt, and a lock with the name as its note. */
export async function seedHostile({ users, sessions, signIns }: Running): Promise<void> {
  for (const [userId, displayName] of HOSTILE_NAMES) {
    await users.createUser({ userId, profile: { displayName } });
    await sessions.createSession({ userId, userAgent: displayName.repeat(3) });
    const subject = { subject: { case: "userId", value: userId } } as const;
    await signIns.recordFailure({ subject, factor: Factor.PASSWORD, client: { userAgent: displayName } });
    await users.lockUser({ userId, note: displayName.repeat(3) });
  }
}
