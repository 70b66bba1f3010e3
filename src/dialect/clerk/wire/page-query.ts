/** The part of a list that a query asks for. */

import { parseInteger } from "../users/user-filter.ts";
import { type ParamFault, paramTypeInvalid, paramValueInvalid } from "./clerk-error.ts";

/** `limit` items after the first `offset`. */
export interface Window {
  readonly limit: number;
  readonly offset: number;
}

const LIMIT_DEFAULT = 10;
const LIMIT_MAX = 500;

/** Reads the window and adds its faults to `faults`; with faults the window is meaningless. */
export function readWindow(query: URLSearchParams, faults: ParamFault[]): Window {
  const integer = (name: string, byDefault: number, min: number, max: number): number => {
    const text = query.get(name) || `${byDefault}`;
    const value = parseInteger(text);
    if (value === undefined) faults.push(paramTypeInvalid(name, "integer"));
    else if (value < min || value > max) faults.push(paramValueInvalid(name, text));
    return value ?? byDefault;
  };
  return {
    limit: integer("limit", LIMIT_DEFAULT, 1, LIMIT_MAX),
    offset: integer("offset", 0, 0, Number.MAX_SAFE_INTEGER - LIMIT_MAX),
  };
}
