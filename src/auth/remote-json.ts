/** Fetches a JSON document of somebody else's server: within a time, within a size, from nowhere else than was asked. */
import { isIPv4 } from "node:net";

export interface RemoteLimits {
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

/** Whether a URL leads to this machine, by its host alone: names are not looked up. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || (isIPv4(hostname) && hostname.startsWith("127."));
}

/** Rejects with an Error whose message says what was wrong with the answer; it goes to the log, not to callers. */
export async function fetchJson(url: URL, { timeoutMs, bytesMax }: RemoteLimits): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: "application/json" },
    // A redirect could lead anywhere, to cleartext and into this network included.
    redirect: "error",
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw new Error(`${url.href} cannot be fetched`, { cause: error });
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${url.href} answers ${response.status}`);
  }
  const text = await readText(response, url, bytesMax);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${url.href} answers something that is not JSON`);
  }
}

async function readText(response: Response, url: URL, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Counted as it comes: the length that a header promises need not be true.
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > bytesMax) throw new Error(`${url.href} answers more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
