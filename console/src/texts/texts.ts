/** The texts of the page in the reader's language. */
import { ENGLISH } from "./english.ts";

export type Texts = typeof ENGLISH;

/** The texts. Another language is another object of this type. */
export const T: Texts = ENGLISH;
