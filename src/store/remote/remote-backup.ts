/** A backup that another thread makes: each piece crosses when it is requested. */
import type { Backup, BackupInfo } from "../store.ts";
import type { BackupPiece, BegunBackup } from "./messages.ts";
import type { PortCalls } from "./port-calls.ts";

export class RemoteBackup implements Backup {
  readonly info: BackupInfo;
  readonly #calls: PortCalls;
  readonly #backup: number;

  constructor(calls: PortCalls, { backup, info }: BegunBackup) {
    this.info = info;
    this.#calls = calls;
    this.#backup = backup;
  }

  async *chunks(): AsyncGenerator<Uint8Array, Uint8Array, undefined> {
    try {
      for (;;) {
        const { done, bytes } = (await this.#calls.call("nextChunk", [this.#backup])) as BackupPiece;
        if (done) return bytes;
        yield bytes;
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    // Only what was never opened, or a closed port, refuses it: then there is nothing to close.
    this.#calls.call("closeBackup", [this.#backup]).catch(() => undefined);
  }
}
