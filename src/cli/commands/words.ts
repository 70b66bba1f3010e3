/** The contract's enums as the words of a command line. */
import { ENUMS } from "../../../gen/lockkeeper/contract.ts";

export const STATES = ENUMS["lockkeeper.user.v1.State"];
export const KINDS = ENUMS["lockkeeper.resource.v1.RestrictionKind"];
export const CAUSES = ENUMS["lockkeeper.resource.v1.Cause"];
export const FACTORS = ENUMS["lockkeeper.resource.v1.Factor"];
export const OUTCOMES = ENUMS["lockkeeper.signin.v1.AttemptOutcome"];
export const SESSION_STATUSES = ENUMS["lockkeeper.session.v1.SessionStatus"];

/** Returns the words that flags take for an enum, with their numbers: `backup-code` for BACKUP_CODE. */
export function wordsOf<T extends number>(numbers: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(numbers).map(([name, number]) => [wordOf(name), number]));
}

/** Returns the word that flags take for the name of an enum's value. */
export function wordOf(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** Returns the name of a number; the number itself if a newer service has more of them. */
export function nameOf(numbers: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(numbers).find((name) => numbers[name] === number) ?? String(number);
}
