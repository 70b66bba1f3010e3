/** What an address is counted by: itself, or the network that one customer has to itself. */
import { isIP } from "node:net";

const GROUPS = 8;
const GROUPS_OF_NETWORK = 4;

/** An IPv4 address as it is; of an IPv6 address the first 64 bits, below which its owner may have any address. */
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
