/** Characters for random texts: any character, and often one that causes trouble. */
import fc from "fast-check";

export const TRICKY = fc.oneof(
  fc.constantFrom(" ", "\n", "\0", "\u001b", "\u007f", "\u009b", "\u00a0", "\u0301", "e", "\u212b", "\u2028", "\ufeff"),
  fc.constantFrom("\ud83d", "\ude00", "😀", '"', "\\", "."),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
);
