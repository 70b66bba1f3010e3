/** Compares a checkpoint with the history that it was made of. */
import { keyIdOf, keyIdsOf, openNote, parseCheckpoint, parseVerifierKey, textOf } from "../../domain/signed-note.ts";
import type { UnknownSigner } from "../history.ts";
import type { ChainFault, ChainLink } from "../log/verify-chain.ts";

/** Who may have signed. */
export interface CheckpointKeys {
  /** The name of the instance. */
  readonly origin: string;
  /** Empty: signatures are not looked at. */
  readonly verifierKeys: readonly string[];
}

/** What a checkpoint says against the history, or that its signer is not known though its link is right. */
export type CheckpointFinding = ChainFault | UnknownSigner;

/** Returns the position of a checkpoint; `undefined`: the text is not a checkpoint. */
export function positionOf(note: string): number | undefined {
  const text = textOf(note);
  return text === undefined ? undefined : parseCheckpoint(text)?.position;
}

/**
 * Returns what is wrong with a checkpoint; `undefined`: nothing. `link`: the chain's at its position; `undefined`: no
 * commit ends there. `keys`: absent, neither its origin nor its signature is looked at.
 */
export function judgeCheckpoint(
  note: string,
  link: Uint8Array | undefined,
  keys: CheckpointKeys | undefined,
): CheckpointFinding | undefined {
  const text = textOf(note);
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text);
  if (checkpoint === undefined) return { position: 0, fault: "a checkpoint is not a signed note of a checkpoint" };
  const { position, origin } = checkpoint;
  if (keys !== undefined && keys.origin !== origin) {
    return { position, fault: `a checkpoint is of ${JSON.stringify(origin)}, and this history is of ${keys.origin}` };
  }
  const signature = signatureOf(note, keys?.verifierKeys ?? []);
  if (signature === "forged") return { position, fault: "a checkpoint is forged: its signature is not of its text" };
  const by = signature === "known" ? "" : ` by the unknown key ${signature.keyIds.join(" and ")}`;
  if (link === undefined) return { position, fault: `a checkpoint${by} is of a position at which no commit ends` };
  if (Buffer.compare(link, checkpoint.link) !== 0) {
    return { position, fault: `the history up to here is not the one that a checkpoint${by} was made of` };
  }
  return signature === "known" ? undefined : { position, keyIds: signature.keyIds };
}

/** Returns findings by what they are, in their order. */
export function byKind(findings: readonly CheckpointFinding[]) {
  const faults: ChainFault[] = [];
  const unknownSigners: UnknownSigner[] = [];
  for (const finding of findings) {
    if ("fault" in finding) faults.push(finding);
    else unknownSigners.push(finding);
  }
  return { faults, unknownSigners };
}

/** Tells a forged signature from one by a key that is not known, such as that of a key file that was lost. */
function signatureOf(
  note: string,
  verifierKeys: readonly string[],
): "known" | "forged" | { readonly keyIds: readonly string[] } {
  const verifiers = verifierKeys.map(parseVerifierKey);
  if (verifiers.length === 0 || openNote(note, verifiers) !== undefined) return "known";
  const keyIds = keyIdsOf(note);
  return verifiers.some((verifier) => keyIds.includes(keyIdOf(verifier))) ? "forged" : { keyIds };
}

/** Returns the fault of a history that ends before a checkpoint. */
export function tailFault(head: number, position: number): ChainFault {
  return { position: head + 1, fault: `the history ends at ${head}, and a checkpoint was made at ${position}` };
}

/** Compares checkpoints with a history while its links are read. */
export class CheckpointComparison {
  readonly #notes: readonly { readonly note: string; readonly position: number }[];
  readonly #keys: CheckpointKeys;
  readonly #links = new Map<number, Uint8Array | undefined>();

  /** Throws an Error of one plain sentence for a key that is none. */
  constructor(notes: readonly string[], keys: CheckpointKeys) {
    for (const key of keys.verifierKeys) parseVerifierKey(key);
    this.#notes = notes.map((note) => ({ note, position: positionOf(note) ?? 0 }));
    this.#keys = keys;
    for (const { position } of this.#notes) this.#links.set(position, undefined);
  }

  take({ position, link }: ChainLink): void {
    if (this.#links.has(position)) this.#links.set(position, link);
  }

  /** Returns what is wrong with the checkpoints against the history that was read up to `head`, by position. */
  findingsAt(head: number): readonly CheckpointFinding[] {
    return this.#notes
      .flatMap(({ note, position }) => {
        if (position > head) return tailFault(head, position);
        return judgeCheckpoint(note, this.#links.get(position), this.#keys) ?? [];
      })
      .sort((a, b) => a.position - b.position);
  }
}
