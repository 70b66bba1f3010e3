/** Compares a checkpoint with the history that it was made of. */
import {
  keyIdOf,
  keyIdsOf,
  type NoteVerifier,
  openNote,
  parseCheckpoint,
  parseVerifierKey,
  textOf,
} from "../../domain/signed-note.ts";
import type { ChainFault, ChainLink } from "../log/verify-chain.ts";
import type { HeldCheckpoint } from "../offline.ts";

/** Who may have signed. */
interface CheckpointKeys {
  readonly origin: string;
  readonly verifierKeys: readonly string[];
}

/** Returns the position of a checkpoint; `undefined`: the text is not a checkpoint. */
export function positionOf(note: string): number | undefined {
  const text = textOf(note);
  return text === undefined ? undefined : parseCheckpoint(text)?.position;
}

/**
 * Returns what a checkpoint says against the history; `undefined`: nothing. `link`: the chain's at its position;
 * `undefined`: no commit ends there. `keys`: absent, the signature is not looked at.
 */
export function checkpointFault(
  note: string,
  link: Uint8Array | undefined,
  keys: CheckpointKeys | undefined,
): ChainFault | undefined {
  const text = textOf(note);
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text);
  if (checkpoint === undefined) return { position: 0, fault: "a checkpoint is not a signed note of a checkpoint" };
  const { position, origin } = checkpoint;
  if (keys !== undefined && keys.origin !== origin) {
    return { position, fault: `a checkpoint is of ${JSON.stringify(origin)}, and this history is of ${keys.origin}` };
  }
  const fault = keys === undefined ? undefined : signatureFault(note, keys.verifierKeys.map(parseVerifierKey));
  if (fault !== undefined) return { position, fault };
  if (link === undefined) return { position, fault: "a checkpoint is of a position at which no commit ends" };
  if (Buffer.compare(link, checkpoint.link) === 0) return undefined;
  return { position, fault: "the history up to here is not the one that a checkpoint was made of" };
}

/** Tells a forged signature from one by a key that is not known, such as that of a key file that was lost. */
function signatureFault(note: string, verifiers: readonly NoteVerifier[]): string | undefined {
  if (openNote(note, verifiers) !== undefined) return undefined;
  const ids = keyIdsOf(note);
  if (verifiers.some((verifier) => ids.includes(keyIdOf(verifier)))) {
    return "a checkpoint is forged: its signature is not of its text";
  }
  return `a checkpoint is signed by the key ${ids.join(" and ")}, which is not known here; if a key file was lost, add its verifier key`;
}

/** Returns the fault of a history that ends before a checkpoint. */
export function tailFault(head: number, position: number): ChainFault {
  return { position: head + 1, fault: `the history ends at ${head}, and a checkpoint was made at ${position}` };
}

/** Compares one checkpoint with a history while its links are read. */
export class CheckpointComparison {
  readonly #held: HeldCheckpoint;
  readonly #position: number;
  #link: Uint8Array | undefined;

  /** Throws an Error of one plain sentence for a text that is not a checkpoint, or a key that is none. */
  constructor(held: HeldCheckpoint) {
    const position = positionOf(held.note);
    if (position === undefined) throw new Error("the checkpoint is not a signed note of a checkpoint");
    for (const key of held.verifierKeys) parseVerifierKey(key);
    this.#held = held;
    this.#position = position;
  }

  take({ position, link }: ChainLink): void {
    if (position === this.#position) this.#link = link;
  }

  /** Returns what the checkpoint says against the history that was read up to `head`. */
  faultAt(head: number): ChainFault | undefined {
    if (this.#position > head) return tailFault(head, this.#position);
    const { note, verifierKeys } = this.#held;
    const [first] = verifierKeys;
    const keys = first === undefined ? undefined : { origin: parseVerifierKey(first).name, verifierKeys };
    return checkpointFault(note, this.#link, keys);
  }
}
