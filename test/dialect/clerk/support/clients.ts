/** The real SDK in each of its release lines, and plain requests for what it cannot send. */
import assert from "node:assert/strict";
import * as third from "@clerk/backend";
import * as first from "clerk-backend-1";
import * as second from "clerk-backend-2";
import { ADMIN_KEY } from "../../../support/service.ts";

/** The client of the newest line; older ones have the same methods or fewer. */
export type BackendClient = third.ClerkClient;

export interface Line {
  readonly name: string;
  readonly client: (url: string, secretKey?: string) => BackendClient;
  /** `updateUser` with metadata calls PUT for them, as the newest line does. */
  readonly replacesMetadata: boolean;
}

/** One of each line, newest first. */
export const LINES: readonly Line[] = [
  { name: "3.25.0", client: clientOf(third.createClerkClient), replacesMetadata: true },
  { name: "2.33.8", client: clientOf(second.createClerkClient), replacesMetadata: false },
  { name: "1.34.0", client: clientOf(first.createClerkClient), replacesMetadata: false },
];

type Create = (options: { secretKey: string; apiUrl: string }) => unknown;

function clientOf(create: Create): Line["client"] {
  return (url, secretKey = ADMIN_KEY) => create({ secretKey, apiUrl: `${url}/clerk` }) as BackendClient;
}

/** The newest client, for tests in which the line does not matter. */
export function newestClient(url: string, secretKey?: string): BackendClient {
  return clientOf(third.createClerkClient)(url, secretKey);
}

/** A user as it is on the wire. */
export type UserJson = Readonly<Record<string, unknown>> & { readonly id: string };

/** The answer that the SDK's User keeps unchanged. */
export function rawOf(user: third.User): UserJson {
  assert.ok(user.raw);
  return user.raw as unknown as UserJson;
}

export interface Sent {
  readonly method?: string;
  readonly key?: string | null;
  readonly header?: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is text or bytes. */
  readonly body?: unknown;
}

export interface Answered {
  readonly status: number;
  readonly header: Headers;
  /** The body, parsed. */
  readonly json: unknown;
}

/** Sends a request below `/clerk/v1` unchanged. */
export async function send(
  url: string,
  path: string,
  { method, key = ADMIN_KEY, header, body }: Sent = {},
): Promise<Answered> {
  const isRaw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(`${url}/clerk/v1${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...header,
    },
    ...(body === undefined ? {} : { body: (isRaw ? body : JSON.stringify(body)) as string }),
  });
  const text = await response.text();
  return { status: response.status, header: response.headers, json: text === "" ? undefined : JSON.parse(text) };
}

export interface ErrorJson {
  readonly errors: readonly {
    readonly code: string;
    readonly message: string;
    readonly long_message: string;
    readonly meta?: { readonly param_name: string };
  }[];
  readonly clerk_trace_id: string;
}

/** An error as the SDK shows it; equal in every line. */
export interface SurfacedError {
  readonly name: string;
  readonly status: number;
  readonly message: string;
  readonly clerkTraceId: string;
  readonly retryAfter?: number;
  readonly errors: readonly {
    readonly code: string;
    readonly message: string;
    readonly longMessage: string;
    readonly meta?: { readonly paramName?: string };
  }[];
}

/** Returns the error of a refused SDK call. */
export async function refusedBySdk(call: Promise<unknown>): Promise<SurfacedError> {
  try {
    await call;
  } catch (error) {
    return error as SurfacedError;
  }
  return assert.fail("the call was not refused");
}
