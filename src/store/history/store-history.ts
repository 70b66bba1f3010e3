/** The history as a store offers it: reads by its reader, and signatures by the key that the process has. */
import type {
  ChainLink,
  Checkpoint,
  CheckpointQuery,
  CheckpointSigner,
  History,
  HistoryHead,
  HistorySlice,
  VerifyQuery,
  VerifyStep,
} from "../history.ts";
import type { ListReader } from "../lists/list-reader.ts";
import type { Page } from "../queries.ts";
import { byKind, judgeCheckpoint, positionOf, tailFault } from "./checkpoint-fault.ts";

export type HistoryReader = Pick<ListReader, "historyHead" | "historySlice" | "verifySlice" | "listCheckpoints">;

export class StoreHistory implements History {
  readonly #reader: HistoryReader;
  readonly #signer: CheckpointSigner | undefined;

  /** `signer`: absent, there is no key. */
  constructor(reader: HistoryReader, signer: CheckpointSigner | undefined) {
    this.#reader = reader;
    this.#signer = signer;
  }

  head(): Promise<HistoryHead> {
    return this.#reader.historyHead();
  }

  async sign(head: ChainLink): Promise<string | undefined> {
    return this.#signer?.sign(head);
  }

  slice(after: number, { position }: ChainLink): Promise<HistorySlice> {
    return this.#reader.historySlice(after, position);
  }

  async verify({ place, head, held }: VerifyQuery): Promise<VerifyStep> {
    const own = held.map((note) => ({ note, position: positionOf(note) ?? 0 }));
    const wanted = own.map(({ position }) => position);
    const slice = await this.#reader.verifySlice(place, head, wanted);
    const isHere = ({ position }: { readonly position: number }): boolean =>
      position > place.position && position <= slice.place.position;
    const compared = [...slice.checkpoints, ...own.filter(isHere)];
    const linkAt = new Map(slice.links.map(({ position, link }) => [position, link]));
    const { faults, unknownSigners } = byKind(
      compared.flatMap(({ note, position }) => judgeCheckpoint(note, linkAt.get(position), this.#signer) ?? []),
    );
    const beyond = [...own.map(({ position }) => position).filter((position) => position > head.position)];
    if (slice.beyond !== undefined) beyond.push(slice.beyond);
    const cut = slice.isDone ? beyond.map((position) => tailFault(head.position, position)) : [];
    return {
      place: slice.place,
      faults: [...slice.faults, ...faults, ...cut].sort((a, b) => a.position - b.position),
      unknownSigners,
      checkpoints: compared.length,
      isDone: slice.isDone,
    };
  }

  checkpoints(query: CheckpointQuery): Promise<Page<Checkpoint>> {
    return this.#reader.listCheckpoints(query);
  }

  async verifierKeys(): Promise<readonly string[]> {
    return this.#signer?.verifierKeys ?? [];
  }
}
