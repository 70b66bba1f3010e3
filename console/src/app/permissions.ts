/** The permissions of callers as the contract names them. A test compares them with the service's. */

export const PERMISSIONS = [
  "user.read",
  "user.write",
  "user.delete",
  "session.read",
  "session.write",
  "session.delete",
  "signin.read",
  "signin.write",
  "policy.read",
  "policy.write",
  "policy.delete",
  "events.read",
  "events.redact",
  "org.read",
  "org.write",
  "key.read",
  "key.write",
  "metrics.read",
  "backup.create",
] as const;
export type Permission = (typeof PERMISSIONS)[number];
