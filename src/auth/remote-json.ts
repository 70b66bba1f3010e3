/** Fetches a JSON document from a foreign server: bounded in time and size, without following redirects. */
import { isIPv4 } from "node:net";

export interface RemoteLimits {
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

/** Returns whether a URL names this machine, judged by its host alone: names are not resolved. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || (isIPv4(hostname) && hostname.startsWith("127."));
}

/** Fetches and parses. Rejects with an Error that says what is wrong with the response, for the log, not for callers. */
export async function fetchJson(url: URL, { timeoutMs, bytesMax }: RemoteLimits): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: "application/json" },
    // A redirect could lead anywhere, including to cleartext and into this network.
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
    throw new Error(`${url.href} does not answer JSON`);
  }
}

async function readText(response: Response, url: URL, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Counted as it arrives: the length in the header may be false.
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > bytesMax) throw new Error(`${url.href} answers more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
