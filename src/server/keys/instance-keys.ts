/** The keys that a service signs with: read at the start, and again when the file is replaced. */
import { existsSync, rmSync, statSync } from "node:fs";
import { type Config, ConfigError } from "../../config.ts";
import { checkpointSigner } from "../../store/history/checkpoint-signer.ts";
import type { CheckpointSigner } from "../../store/history.ts";
import type { NamedInstance } from "../../store/store.ts";
import { createKeyFile, readKeyFile } from "./key-file.ts";

interface InstanceKeysOptions {
  readonly config: Pick<Config, "database" | "instanceKeyFile">;
  /** Called with what an administrator should know, one sentence each. */
  readonly onNotice: (sentence: string) => void;
  readonly onTrouble: (error: unknown) => void;
}

/** Why there are no checkpoints on PostgreSQL: replicas need the same file, which none of them can make. */
const NO_FILE = "there is no key file, so no checkpoints of the history are made; --instance-key-file names one";

export class InstanceKeys {
  readonly #options: InstanceKeysOptions;
  readonly #path: string | undefined;
  #isMade: boolean = false;

  constructor(options: InstanceKeysOptions) {
    const { database, instanceKeyFile } = options.config;
    this.#options = options;
    this.#path = instanceKeyFile ?? (database.engine === "sqlite" ? `${database.path}.key` : undefined);
  }

  /** Returns what signs the checkpoints of an instance; `undefined`: nobody does. Throws ConfigError. */
  readonly open = ({ origin, hasCheckpoints }: NamedInstance): CheckpointSigner | undefined => {
    const { config, onNotice } = this.#options;
    const path = this.#path;
    if (path === undefined) {
      onNotice(NO_FILE);
      return undefined;
    }
    if (!existsSync(path)) {
      const missing = `the key file ${path} is missing`;
      if (config.database.engine !== "sqlite") {
        throw new ConfigError(
          `--instance-key-file: ${missing}; make it once with lockkeeper keyfile create, and give it to every replica`,
        );
      }
      if (hasCheckpoints) {
        const create = `lockkeeper keyfile create ${path} --database sqlite:${config.database.path} --earlier-verifier KEY`;
        const why = `${missing}, and checkpoints of this history were signed with it; put it back, or stop the service and run ${create}, with each verifier key that you noted`;
        if (config.instanceKeyFile !== undefined) throw new ConfigError(`--instance-key-file: ${why}`);
        onNotice(`${why}; until then no checkpoints are made`);
        return undefined;
      }
      asConfigError(() => createKeyFile(path, origin));
      this.#isMade = true;
    }
    return this.#signer(path, origin);
  };

  /** Removes a file that this start made for a database that is gone again. */
  discard(): void {
    const { database } = this.#options.config;
    if (this.#isMade && this.#path !== undefined && database.engine === "sqlite" && !existsSync(database.path)) {
      rmSync(this.#path, { force: true });
    }
  }

  #signer(path: string, origin: string): CheckpointSigner {
    let stamp = stampOf(path);
    let signer = asConfigError(() => openSigner(path, origin));
    const current = (): CheckpointSigner => {
      try {
        const now = stampOf(path);
        if (now !== stamp) {
          stamp = now;
          signer = openSigner(path, origin);
        }
      } catch (error) {
        // The keys that were read stay in use.
        this.#options.onTrouble(error);
      }
      return signer;
    };
    return {
      origin,
      get verifierKeys() {
        return current().verifierKeys;
      },
      sign: (at) => current().sign(at),
    };
  }
}

function openSigner(path: string, origin: string): CheckpointSigner {
  const key = readKeyFile(path);
  if (key.origin === origin) return checkpointSigner(key);
  throw new Error(
    `the key file ${path} is of the instance ${key.origin}, and this database is ${origin}; name the right file, or move that one away`,
  );
}

/** Changes when the file is replaced. */
function stampOf(path: string): string {
  const { ino, mtimeMs, size } = statSync(path);
  return `${ino} ${mtimeMs} ${size}`;
}

function asConfigError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new ConfigError(`--instance-key-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}
