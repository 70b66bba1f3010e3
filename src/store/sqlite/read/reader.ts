/** The store's side of the link to the reader worker. */

import type { ReaderQuestion } from "../../lists/list-reader.ts";
import { ListReader } from "../../lists/list-reader.ts";
import { WorkerLink } from "../worker-link.ts";
import type { ReaderData } from "./reader-data.ts";

export class Reader extends ListReader {
  readonly link: WorkerLink<ReaderQuestion>;

  /** `assertUsable`: throws if the worker would read from other files than the ones that the store opened. */
  constructor(data: ReaderData, assertUsable: () => void, onTrouble: (error: unknown) => void) {
    const link = new WorkerLink<ReaderQuestion>({
      name: "reader worker",
      url: new URL("./reader-worker.ts", import.meta.url),
      workerData: data,
      callMs: data.limits.readMs,
      onTrouble,
    });
    super({
      // Structured cloning keeps the types of the answers.
      ask: async (question) => {
        assertUsable();
        return await link.call(question);
      },
      listMs: data.limits.listMs,
    });
    this.link = link;
  }

  close(): Promise<void> {
    return this.link.close();
  }
}
