/** The limits of a store, each with its default and its reason. */

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

export interface Limits {
  /** Commands that may wait, and their bytes; more are refused with QUEUE_FULL. */
  readonly queueCommands: number;
  readonly queueBytes: number;
  /** A batch ends at this number of commands, or after this time. */
  readonly batchCommands: number;
  readonly batchMs: number;
  /** Size of the write-ahead log; the writer waits before it exceeds this. */
  readonly walBytesMax: number;
  /** Size of the write-ahead log while a backup holds its snapshot; beyond, the backup is given up. */
  readonly backupLogBytesMax: number;
  /** Rate of a backup; 0: unlimited. */
  readonly backupBytesPerSecond: number;
  /** A backup is given up when its caller reads nothing for this long. */
  readonly backupIdleMs: number;
  /** Rows and time that one page of a list may take before it ends short. */
  readonly sliceRows: number;
  readonly sliceMs: number;
  /** How long a list searches for its first item, slice by slice; then the page is empty but not the last. */
  readonly listMs: number;
  /**
   * Characters of one page; each attribute value counts as 50 more. Answers stay below 4 MiB and are made in slices.
   */
  readonly pageChars: number;
  /** Users that one search by offset may read, and how long it may take, with its wait. */
  readonly searchRows: number;
  readonly searchMs: number;
  /** Longest slice of one search before other reads run; and how many searches run at once. */
  readonly searchSliceMs: number;
  readonly searchesMax: number;
  /** Matches that are counted after the page is full; and the highest place that a sorted page may reach. */
  readonly searchMatches: number;
  /** Conditions of a search, and characters of the users that it may return. */
  readonly searchConditions: number;
  readonly searchChars: number;
  /** Up to this number, users are counted exactly when a search names only their organization. */
  readonly countRows: number;
  /** How long a list may take in total, with its wait. */
  readonly readMs: number;
  /**
   * Counters of unknown users that are kept; beyond, the least recently changed is deleted first. Counters that are
   * locked or above half of their limit form a group of their own for 30 days after their last change. Each of the two
   * groups is guaranteed half of the places, so neither can push the other out.
   */
  readonly shadowsMax: number;
  /** Users that the sweeper settles in one round. */
  readonly sweepUsers: number;
  /** How long attempts are kept after their beginning, in milliseconds. */
  readonly attemptKeptMs: number;
  /** How long sessions are kept after their expiry or their own revocation, in milliseconds. */
  readonly sessionKeptMs: number;
  /** How long deleted users keep their personal values, in milliseconds; Infinity: until somebody erases them. */
  readonly deletedKeptMs: number;
}

const DEFAULTS: Limits = {
  queueCommands: 4_096,
  queueBytes: 16 * MIB,
  batchCommands: 64,
  batchMs: 5,
  walBytesMax: 256 * MIB,
  backupLogBytesMax: 4_000_000_000,
  backupBytesPerSecond: 20_000_000,
  backupIdleMs: 30_000,
  sliceRows: 5_000,
  sliceMs: 200,
  listMs: 5_000,
  pageChars: MIB,
  searchRows: 200_000,
  searchMs: 5_000,
  searchSliceMs: 50,
  searchesMax: 4,
  searchMatches: 10_000,
  searchConditions: 2_000,
  searchChars: 8 * MIB,
  countRows: 2_000_000,
  readMs: 10_000,
  shadowsMax: 100_000,
  sweepUsers: 500,
  attemptKeptMs: 30 * DAY_MS,
  sessionKeptMs: 30 * DAY_MS,
  deletedKeptMs: Number.POSITIVE_INFINITY,
};

/** Returns the limits with the defaults for all that are not given. */
export function limitsOf(given: Partial<Limits> | undefined): Limits {
  return { ...DEFAULTS, ...given };
}
