/** The ids by which the service knows a repeated request. */

/** Returns a new id. Pages without encryption have no `crypto.randomUUID`. */
export function newRequestId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
