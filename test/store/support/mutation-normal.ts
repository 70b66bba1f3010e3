/** A mutation for tests, loaded before the program: the WAL is not synced at COMMIT. */
import Database from "better-sqlite3";

const pragma = Database.prototype.pragma;
Database.prototype.pragma = function (
  this: Database.Database,
  source: string,
  options?: Database.PragmaOptions,
): unknown {
  return pragma.call(this, source.replace("synchronous = FULL", "synchronous = NORMAL"), options);
};
