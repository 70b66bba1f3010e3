/** What the reader worker is started with. */
import type { Limits } from "../../limits.ts";

export interface ReaderData {
  readonly path: string;
  readonly limits: Limits;
}
