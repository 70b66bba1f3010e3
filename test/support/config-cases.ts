/** For each setting: its default, what is allowed and what that means, and what is refused with which words. */
import type { Config } from "../../src/config.ts";
import { DATABASES } from "./database-cases.ts";
import { type Cases, RATES } from "./rate-cases.ts";

const BOTH: readonly [string, boolean][] = [
  ["true", true],
  ["false", false],
];

export const KEY = "correct-horse-battery-staple-32!";

export const CASES: Readonly<Record<keyof Config, Cases>> = {
  listen: {
    byDefault: { host: "127.0.0.1", port: 8080 },
    allowed: [
      ["0.0.0.0:80", { host: "0.0.0.0", port: 80 }],
      ["localhost:0", { host: "localhost", port: 0 }],
      ["[::1]:65535", { host: "::1", port: 65_535 }],
      ["[::ffff:192.0.2.1]:1", { host: "::ffff:192.0.2.1", port: 1 }],
      [":8080", { host: "0.0.0.0", port: 8080 }],
    ],
    refused: [
      ["8080", /"8080" is not allowed; it must be host:port, such as 127\.0\.0\.1:8080 or \[::1\]:0/],
      ["localhost", /"localhost" is not allowed/],
      ["localhost:", /is not allowed/],
      ["localhost:65536", /is not allowed/],
      ["localhost:-1", /is not allowed/],
      ["localhost:8o", /is not allowed/],
      ["::1:8080", /is not allowed/],
      ["[]:8080", /is not allowed/],
      ["[localhost]:8080", /is not allowed/],
      ["local host:8080", /is not allowed/],
      ["http://localhost:8080", /is not allowed/],
      ["localhost:8080\n", /is not allowed/],
    ],
  },
  metricsListen: {
    byDefault: undefined,
    allowed: [
      ["127.0.0.1:9464", { host: "127.0.0.1", port: 9464 }],
      [":9464", { host: "0.0.0.0", port: 9464 }],
    ],
    refused: [
      ["9464", /"9464" is not allowed; it must be host:port/],
      ["localhost:65536", /is not allowed/],
      ["http://localhost:9464/metrics", /is not allowed/],
    ],
  },
  ...DATABASES,
  adminKey: {
    byDefault: undefined,
    allowed: [
      [KEY, KEY],
      ["x".repeat(4096), "x".repeat(4096)],
    ],
    refused: [
      ["x".repeat(31), /the value has 31 characters; 32 to 4096 are allowed/],
      ["x".repeat(4097), /the value has 4097 characters/],
      [`${KEY} `, /the value must be visible ASCII without spaces or commas, because it is sent in a header/],
      [`${KEY},`, /visible ASCII/],
      [`${KEY}\t`, /visible ASCII/],
      [`${KEY}\n`, /visible ASCII/],
      [`${KEY}é`, /visible ASCII/],
    ],
  },
  tlsCert: {
    byDefault: undefined,
    allowed: [
      ["/etc/lockkeeper/a.pem", "/etc/lockkeeper/a.pem"],
      ["a b.pem", "a b.pem"],
    ],
    refused: [["a\0b", /is not the path of a file/]],
  },
  tlsKey: {
    byDefault: undefined,
    allowed: [
      ["/etc/lockkeeper/a.pem", "/etc/lockkeeper/a.pem"],
      ["a b.pem", "a b.pem"],
    ],
    refused: [["a\0b", /is not the path of a file/]],
  },
  tlsClientCa: {
    byDefault: undefined,
    allowed: [
      ["/etc/lockkeeper/a.pem", "/etc/lockkeeper/a.pem"],
      ["a b.pem", "a b.pem"],
    ],
    refused: [["a\0b", /is not the path of a file/]],
  },
  oidcIssuers: {
    byDefault: undefined,
    allowed: [
      ["/etc/lockkeeper/issuers.json", "/etc/lockkeeper/issuers.json"],
      ["a b.json", "a b.json"],
    ],
    refused: [["a\0b", /is not the path of a file/]],
  },
  trustedProxies: {
    byDefault: [],
    allowed: [
      ["10.0.0.0/8", [{ address: "10.0.0.0", prefix: 8 }]],
      [
        "::1, 192.0.2.1,2001:db8::/32",
        [
          { address: "::1", prefix: 128 },
          { address: "192.0.2.1", prefix: 32 },
          { address: "2001:db8::", prefix: 32 },
        ],
      ],
    ],
    refused: [
      ["10.0.0.0/33", /"10\.0\.0\.0\/33" is not a network; it must be like 10\.0\.0\.0\/8, 2001:db8::\/32 or a single/],
      ["::/129", /"::\/129" is not a network/],
      ["proxy.example", /"proxy\.example" is not a network/],
      ["10.0.0/8", /is not a network/],
      ["10.0.0.0/", /is not a network/],
      ["10.0.0.0/-1", /is not a network/],
      ["fe80::1%eth0", /is not a network/],
      ["10.0.0.1:80", /is not a network/],
      ["10.0.0.0/8,x", /"x" is not a network/],
      ["0.0.0.0/0", /"0\.0\.0\.0\/0" covers every address; name the networks of your proxies/],
      ["::/0", /covers every address/],
    ],
  },
  trustedProxyHeader: {
    byDefault: "x-forwarded-for",
    allowed: [
      ["forwarded", "forwarded"],
      ["x-forwarded-for", "x-forwarded-for"],
    ],
    refused: [["X-Forwarded-For", /"X-Forwarded-For" is not allowed; it must be one of x-forwarded-for, forwarded/]],
  },
  rateLimitAddress: RATES,
  rateLimitCaller: RATES,
  rateLimitResets: { ...RATES, byDefault: { perSecond: 20, burst: 200 } },
  dialects: {
    byDefault: [],
    allowed: [
      ["one", ["one"]],
      ["one, two,", ["one", "two"]],
    ],
    refused: [["one,two,one", /"one" is named twice; once is enough/]],
  },
  corsOrigins: {
    byDefault: [],
    allowed: [
      ["https://console.example", ["https://console.example"]],
      ["https://a.example, http://localhost:3000,", ["https://a.example", "http://localhost:3000"]],
      ["*", ["*"]],
    ],
    refused: [
      [
        "console.example",
        /"console\.example" is not an origin; it must be like https:\/\/console\.example, without a path, or \*/,
      ],
      ["https://console.example/", /is not an origin/],
      ["https://console.example/path", /is not an origin/],
      ["https://CONSOLE.example", /is not an origin/],
      ["https://console.example:443", /is not an origin/],
      ["https://a.example,null", /"null" is not an origin/],
      ["https://*.example/", /is not an origin/],
    ],
  },
  logLevel: {
    byDefault: "info",
    allowed: [
      ["debug", "debug"],
      ["off", "off"],
      ["info", "info"],
      ["warn", "warn"],
      ["error", "error"],
    ],
    refused: [
      ["trace", /"trace" is not allowed; it must be one of debug, info, warn, error, off/],
      ["INFO", /"INFO" is not allowed/],
    ],
  },
  logFormat: {
    byDefault: "text",
    allowed: [
      ["json", "json"],
      ["text", "text"],
    ],
    refused: [["xml", /"xml" is not allowed; it must be one of text, json/]],
  },
  backupBytesPerSecond: {
    byDefault: 20_000_000,
    allowed: [
      ["0", 0],
      ["120", 120_000_000],
    ],
    refused: [
      ["-1", /"-1" is not allowed; it must be a whole number of MB, 0 to 9999999/],
      ["1.5", /is not allowed/],
      ["50MB", /is not allowed/],
      ["10000000", /is not allowed/],
    ],
  },
  backupLogBytesMax: {
    byDefault: 4_000_000_000,
    allowed: [
      ["300", 300_000_000],
      ["9999999", 9_999_999_000_000],
    ],
    refused: [
      ["299", /"299" is not allowed; it must be a whole number of MB, 300 to 9999999/],
      ["1e9", /is not allowed/],
    ],
  },
  stopDrainMs: {
    byDefault: 1_000,
    allowed: [
      ["2m", 120_000],
      ["500ms", 500],
      ["0s", 0],
    ],
    refused: [
      ["10", /"10" is not allowed; it must be a duration such as 10s, 500ms or 2m/],
      ["1h", /is not allowed/],
      ["-1s", /is not allowed/],
      ["1.5s", /is not allowed/],
      ["1e9s", /is not allowed/],
      ["9999999999s", /is not allowed/],
      ["10 s", /is not allowed/],
    ],
  },
  stopGraceMs: {
    byDefault: 10_000,
    allowed: [
      ["2m", 120_000],
      ["500ms", 500],
      ["0s", 0],
      ["35791m", 2_147_460_000],
    ],
    refused: [
      // No timer waits so long.
      ["40000m", /"40000m" is not allowed; .*, at most 35791m \(24 days\)$/],
      ["10", /"10" is not allowed; it must be a duration such as 10s, 500ms or 2m/],
      ["1h", /is not allowed/],
      ["-1s", /is not allowed/],
      ["1.5s", /is not allowed/],
      ["1e9s", /is not allowed/],
      ["9999999999s", /is not allowed/],
      ["10 s", /is not allowed/],
    ],
  },
  createDatabase: {
    byDefault: true,
    allowed: [
      ["false", false],
      ["true", true],
    ],
    refused: [
      ["yes", /"yes" is not allowed; it must be one of true, false/],
      ["1", /"1" is not allowed/],
    ],
  },
  allowClockBehind: {
    byDefault: false,
    allowed: BOTH,
    refused: [
      ["yes", /"yes" is not allowed; it must be one of true, false/],
      ["1", /"1" is not allowed/],
    ],
  },
  force: {
    byDefault: false,
    allowed: BOTH,
    refused: [["yes", /"yes" is not allowed; it must be one of true, false/]],
  },
  watchStreams: {
    byDefault: 2_000,
    allowed: [
      ["1", 1],
      ["100000", 100_000],
    ],
    refused: [
      ["0", /"0" is not allowed; it must be a whole number from 1 to 100000/],
      ["many", /is not allowed/],
    ],
  },
  watchStreamsCaller: {
    byDefault: 100,
    allowed: [
      ["1", 1],
      ["100000", 100_000],
    ],
    refused: [
      ["0", /"0" is not allowed; it must be a whole number from 1 to 100000/],
      ["many", /is not allowed/],
    ],
  },
  threads: {
    byDefault: 1,
    allowed: [
      ["1", 1],
      ["16", 16],
    ],
    refused: [
      ["0", /"0" is not allowed; it must be a whole number from 1 to 16/],
      ["17", /is not allowed/],
      ["1.5", /is not allowed/],
      ["all", /is not allowed/],
    ],
  },
  fastPath: {
    byDefault: true,
    allowed: BOTH,
    refused: [["off", /"off" is not allowed; it must be one of true, false/]],
  },
  docs: {
    byDefault: true,
    allowed: BOTH,
    refused: [["no", /"no" is not allowed; it must be one of true, false/]],
  },
  console: {
    byDefault: true,
    allowed: BOTH,
    refused: [["no", /"no" is not allowed; it must be one of true, false/]],
  },
};
