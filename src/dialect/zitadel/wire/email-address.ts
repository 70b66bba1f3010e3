/** Validates email addresses as ZITADEL's validator does. */

const ADDRESS_CHARS_MAX = 254;
const LOCAL_CHARS_MAX = 64;
const HOST_CHARS_MAX = 253;
const HOST_PART_CHARS_MAX = 63;

/** Atoms of RFC 5322 §3.2.3 separated by dots, including non-ASCII ones (RFC 6532). */
const LOCAL_PATTERN = /^[^\s"(),:;<>@[\\\]\p{Cc}]+$/u;

/** Returns the cause that ZITADEL names; `undefined`: the address is valid. */
export function emailFault(text: string): string | undefined {
  if (text === "") return "mail: no address";
  const at = text.lastIndexOf("@");
  if (at < 0) return "mail: missing '@' or angle-addr";
  const local = text.slice(0, at);
  const host = text.slice(at + 1);
  const hasEmptyAtom = local.split(".").includes("");
  if (!LOCAL_PATTERN.test(local) || hasEmptyAtom) return "mail: no angle-addr";
  if (text.length > ADDRESS_CHARS_MAX) return `email addresses cannot exceed ${ADDRESS_CHARS_MAX} characters`;
  if (local.length > LOCAL_CHARS_MAX) return `email address local phrase cannot exceed ${LOCAL_CHARS_MAX} characters`;
  return hostFault(host);
}

/** By RFC 1034 §3.5: labels of letters, digits and inner hyphens. */
function hostFault(host: string): string | undefined {
  if (host.length > HOST_CHARS_MAX) return `hostname cannot exceed ${HOST_CHARS_MAX} characters`;
  for (const part of host.toLowerCase().replace(/\.$/, "").split(".")) {
    if (part === "" || part.length > HOST_PART_CHARS_MAX) {
      return `hostname part must be non-empty and cannot exceed ${HOST_PART_CHARS_MAX} characters`;
    }
    if (part.startsWith("-")) return "hostname parts cannot begin with hyphens";
    if (part.endsWith("-")) return "hostname parts cannot end with hyphens";
    const strange = /[^a-z0-9-]/u.exec(part)?.[0];
    if (strange !== undefined) {
      return `hostname parts can only contain alphanumeric characters or hyphens, got ${JSON.stringify(strange)}`;
    }
  }
  return undefined;
}
