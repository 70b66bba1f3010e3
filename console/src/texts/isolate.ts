/** Text from users inside of sentences that are plain text: messages, names for screen readers, the title of the window. */

/** From Hebrew on letters may run from right to left, and invisible marks turn what stands around them. */
const MAY_TURN = /[\u0590-\u{10FFFF}]/u;

/** What ends an isolation, or begins one that nothing ends: isolates, and the paragraph separator. */
const BREAKS_OUT = /[\u2066-\u2069\u2029]/g;

/** Marks that turn what follows them, and are not seen. */
const TURNS = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;

/** Returns the text so that it does not turn the sentence around it, as `<bdi>` does where there are elements. */
export function isolate(text: string): string {
  return MAY_TURN.test(text) ? `\u2068${text.replace(BREAKS_OUT, "")}\u2069` : text;
}

/** Returns the text with its turning marks as `\u202E`, as JSON writes them: where each character counts. */
export function reveal(text: string): string {
  return text.replace(TURNS, (mark) => `\\u${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
}
