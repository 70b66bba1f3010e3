/** The store's bounds, each with its default and its reason. */

const MIB = 1024 * 1024;

export interface Limits {
  /** Waiting commands; beyond: QUEUE_FULL. */
  readonly queueCommands: number;
  readonly queueBytes: number;
  /** A batch ends at so many commands or after so long. */
  readonly batchCommands: number;
  readonly batchMs: number;
  /** The write-ahead log on disk; the writer waits rather than exceed it. */
  readonly walBytesMax: number;
  /** The same while a backup holds its snapshot: beyond, the backup is given up. */
  readonly backupLogBytesMax: number;
  /** How fast a backup is read; 0: as fast as it goes. */
  readonly backupBytesPerSecond: number;
  /** A backup that nobody reads on from for so long is given up. */
  readonly backupIdleMs: number;
  /** What one page of a list may read, in rows and in time, before it ends short. */
  readonly sliceRows: number;
  readonly sliceMs: number;
  /** How long a list looks on, slice by slice, for a first item to show; then the page is empty and not the last. */
  readonly listMs: number;
  /** Characters of one page, a value of attributes counting as 50 more: answers fit into 4 MiB and are made in turns. */
  readonly pageChars: number;
  /** Users that one search by offset may look at, and how long it may take, waiting included. */
  readonly searchRows: number;
  readonly searchMs: number;
  /** Of that so long at a time, then others have their turn; and so many searches at once. */
  readonly searchSliceMs: number;
  readonly searchesMax: number;
  /** Matches that are counted once the page is full, and the last place of a page that has to be sorted. */
  readonly searchMatches: number;
  /** Conditions that a search may have, and characters of the users that it may answer. */
  readonly searchConditions: number;
  readonly searchChars: number;
  /** Users whose number is told exactly where nothing but their organization is asked for. */
  readonly countRows: number;
  /** How long a list may take in all, waiting included. */
  readonly readMs: number;
  /**
   * Counters of unknown users that are kept. Beyond, the least recently touched goes first. Those that are locked or
   * above half of their limit are a group of their own, for 30 days from their last change: they and the rest are each
   * sure of half of the places, so neither group shuts out the other.
   */
  readonly shadowsMax: number;
  /** Users whose due restrictions the sweeper writes in one round. */
  readonly sweepUsers: number;
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
};

export function limitsOf(given: Partial<Limits> | undefined): Limits {
  return { ...DEFAULTS, ...given };
}
