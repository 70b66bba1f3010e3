/** A mutation for tests, loaded before the program: commands are answered before their COMMIT. */
import Database from "better-sqlite3";

const COMMIT_LATE_MS = 5;

const { prepare } = Database.prototype;
let commitLate: (() => void) | undefined;

Object.defineProperty(Database.prototype, "prepare", {
  value(this: Database.Database, source: string): unknown {
    const statement = prepare.call(this, source) as unknown as Database.Statement<[]>;
    if (source === "COMMIT") return { run: () => postpone(() => statement.run()) };
    // The next transaction would undo the one that is still open: that one is committed instead.
    if (source === "ROLLBACK") return { run: () => (commitLate ?? (() => statement.run()))() };
    return statement;
  },
});

function postpone(commit: () => void): void {
  commitLate = () => {
    commitLate = undefined;
    commit();
  };
  setTimeout(() => commitLate?.(), COMMIT_LATE_MS);
}
