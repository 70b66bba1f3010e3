/** The unit in which addresses are counted: an IPv4 address, or the IPv6 network that one customer owns. */
import { isIP } from "node:net";

const GROUPS = 8;
const GROUPS_OF_NETWORK = 4;

/** Returns an IPv4 address unchanged, and the /64 of an IPv6 address: its owner can use any address within it. */
export function networkOf(address: string): string {
  const [text = ""] = address.split("%");
  if (isIP(text) !== 6) return address;
  const [head = "", tail] = text.split("::");
  const groups = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  while (groups.length + last.length < GROUPS && groups.length < GROUPS_OF_NETWORK) groups.push("0");
  const network = [...groups, ...last].slice(0, GROUPS_OF_NETWORK);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
