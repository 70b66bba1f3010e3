/** The messages between a store and a thread that uses it. Every message carries all that one turn had to send. */
import type { MessagePort } from "node:worker_threads";
import type { Command, ExecuteOptions } from "../commands.ts";
import type { ErrorData } from "../error-data.ts";
import type { ChainLink, CheckpointQuery, VerifyQuery } from "../history.ts";
import type {
  ApiKeyName,
  AttemptQuery,
  EventQuery,
  LogQuery,
  SearchOptions,
  SessionKey,
  SessionQuery,
  SignInKey,
  UnknownName,
  UserQuery,
  UserSearch,
} from "../queries.ts";
import type { BackupInfo, LocalReadsData, SessionUse, Store } from "../store.ts";
import type { FeedData } from "./remote-feed.ts";

/** The calls and their parameters. Abort signals do not cross: a call that has one is cancelled by its number. */
export interface Calls {
  readonly refresh: [];
  readonly now: [];
  readonly execute: [Command, ExecuteOptions | undefined];
  readonly readUser: [string];
  readonly listUsers: [UserQuery];
  readonly searchUsers: [UserSearch, Pick<SearchOptions, "deadlineTime">];
  readonly listUserEvents: [EventQuery];
  readonly listEvents: [LogQuery];
  readonly openCursor: [string | undefined];
  /** Answered with the events after a position when there are some. `reader`: a number that the thread chose. */
  readonly readLog: [reader: number, after: number];
  readonly closeLog: [reader: number];
  readonly readSession: [SessionKey, { readonly touch: boolean }];
  readonly noteUses: [readonly SessionUse[]];
  readonly listSessions: [SessionQuery];
  readonly readSignIn: [SignInKey];
  readonly findByIdentifier: [string, string];
  readonly shadowOf: [string, UnknownName];
  readonly readPolicy: [string];
  readonly listAttempts: [AttemptQuery];
  readonly readOrganization: [string];
  readonly listOrganizations: Parameters<Store["listOrganizations"]>;
  readonly loadApiKeys: [];
  readonly readApiKey: [ApiKeyName];
  readonly listApiKeys: Parameters<Store["listApiKeys"]>;
  readonly touchApiKeys: [ReadonlyMap<string, string>];
  readonly historyHead: [];
  readonly signHead: [ChainLink];
  readonly historySlice: [after: number, ChainLink];
  readonly verifyHistory: [VerifyQuery];
  readonly listCheckpoints: [CheckpointQuery];
  readonly verifierKeys: [];
  readonly check: [];
  readonly beginBackup: [];
  readonly nextChunk: [backup: number];
  readonly closeBackup: [backup: number];
}

export type CallName = keyof Calls;

/** The answers to calls that are not methods of the store. */
export interface BegunBackup {
  readonly backup: number;
  readonly info: BackupInfo;
}

/** A piece of a backup, or the SHA-256 of all of it. */
export interface BackupPiece {
  readonly done: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** From the thread: a call with its number, or the number of a call whose answer nobody waits for any more. */
export type Asked =
  | readonly [id: number, name: CallName, parameters: readonly unknown[]]
  | readonly [id: number, name?: undefined, parameters?: undefined];

/** To the thread: the value that a call resolves to, or its error. */
export type Answered =
  | readonly [id: number, ok: true, value: unknown]
  | readonly [id: number, ok: false, error: ErrorData];

/** All that a thread needs to use the store: plain data, but for the ports, which are transferred. */
export interface RemoteStoreData {
  readonly port: MessagePort;
  readonly feed: FeedData;
  readonly generation: number;
  readonly schemaVersion: string;
  /** The database system, by its name in OpenTelemetry's conventions. */
  readonly system: string;
  /** Absent: the store's thread is asked for everything. */
  readonly localReads?: LocalReadsData;
  /** How many threads use the store, at least 1. */
  readonly threads: number;
  /** Whether other processes write the same database. */
  readonly isShared: boolean;
  /** Whether the store makes backups. */
  readonly hasBackups: boolean;
}
