/** The cases of a setting, and those of all settings that limit calls. */
export interface Cases {
  readonly byDefault: unknown;
  /** As typed, and what it means. The first comes by flag in the tests of precedence, the second by environment. */
  readonly allowed: readonly (readonly [text: string, meaning: unknown])[];
  /** As typed, and what the message must say with the setting's name. */
  readonly refused: readonly (readonly [text: string, message: RegExp])[];
}

/** What a limit on calls may be. */
export const RATES: Cases = {
  byDefault: undefined,
  allowed: [
    ["100/s", { perSecond: 100, burst: 100 }],
    ["600/m", { perSecond: 10, burst: 10 }],
    ["1/m", { perSecond: 1 / 60, burst: 1 }],
    ["100/s:500", { perSecond: 100, burst: 500 }],
    ["off", undefined],
  ],
  refused: [
    [
      "100",
      /"100" is not allowed; it must be off or a rate such as 100\/s, 600\/m or 100\/s:500, with numbers from 1 to 1000000/,
    ],
    ["0/s", /"0\/s" is not allowed/],
    ["1/s:0", /is not allowed/],
    ["1000001/s", /is not allowed/],
    ["1/h", /is not allowed/],
    ["-1/s", /is not allowed/],
    ["1.5/s", /is not allowed/],
    ["100/s:", /is not allowed/],
  ],
};
