/** The straightforward store: better-sqlite3, one durable transaction for each lock and unlock, one row of history. */
import Database from "better-sqlite3";

export interface Locks {
  /** Locks or unlocks a user, on disk. Returns false if the user is in that state already. */
  set(userId: string, isLocked: boolean): boolean;
}

export function openLocks(path: string): Locks {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec(`
    CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, locked INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, user_id TEXT NOT NULL, type TEXT NOT NULL, time INTEGER NOT NULL)`);
  const read = database.prepare<[string], { locked: number }>("SELECT locked FROM users WHERE id = ?");
  const put = database.prepare("INSERT INTO users VALUES (?, ?) ON CONFLICT DO UPDATE SET locked = excluded.locked");
  const record = database.prepare("INSERT INTO events (user_id, type, time) VALUES (?, ?, ?)");
  const change = database.transaction((userId: string, isLocked: boolean): boolean => {
    if ((read.get(userId)?.locked === 1) === isLocked) return false;
    put.run(userId, isLocked ? 1 : 0);
    record.run(userId, isLocked ? "UserLocked" : "UserUnlocked", Date.now());
    return true;
  });
  return { set: (userId, isLocked) => change.immediate(userId, isLocked) };
}
