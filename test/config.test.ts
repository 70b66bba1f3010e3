/** Every setting: flag > environment > default, and what is refused with which words. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Config, ConfigError, helpText, readConfig, SETTINGS } from "../src/config.ts";

const KEY = "correct-horse-battery-staple-32!";

interface Cases {
  readonly byDefault: unknown;
  /** As typed, and what it means. The first comes by flag in the tests of precedence, the second by environment. */
  readonly allowed: readonly (readonly [text: string, meaning: unknown])[];
  /** As typed, and what the message must say beside the setting's name. */
  readonly refused: readonly (readonly [text: string, message: RegExp])[];
}

const CASES: Readonly<Record<keyof Config, Cases>> = {
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
  database: {
    byDefault: { engine: "sqlite", path: "data/lockkeeper.db" },
    allowed: [
      ["sqlite:/var/lib/lockkeeper.db", { engine: "sqlite", path: "/var/lib/lockkeeper.db" }],
      ["sqlite:a b:c.db", { engine: "sqlite", path: "a b:c.db" }],
    ],
    refused: [
      ["data/lockkeeper.db", /the value is not allowed; it must be sqlite:PATH, such as sqlite:data\/lockkeeper\.db/],
      ["sqlite:", /the value is not allowed/],
      ["SQLITE:a.db", /the value is not allowed/],
      ["sqlite:a\0b", /the value is not allowed/],
    ],
  },
  adminKey: {
    byDefault: undefined,
    allowed: [
      [KEY, KEY],
      ["x".repeat(4096), "x".repeat(4096)],
    ],
    refused: [
      ["x".repeat(31), /the value has 31 characters; 32 to 4096 are allowed/],
      ["x".repeat(4097), /the value has 4097 characters/],
      [`${KEY} `, /the value must be visible ASCII without spaces or commas, as it travels in a header/],
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
  docs: {
    byDefault: true,
    allowed: [
      ["true", true],
      ["false", false],
    ],
    refused: [["no", /"no" is not allowed; it must be one of true, false/]],
  },
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
  stopGraceMs: {
    byDefault: 10_000,
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
  allowClockBehind: {
    byDefault: false,
    allowed: [
      ["true", true],
      ["false", false],
    ],
    refused: [
      ["yes", /"yes" is not allowed; it must be one of true, false/],
      ["1", /"1" is not allowed/],
    ],
  },
};

const names = Object.keys(CASES) as readonly (keyof Config)[];

for (const name of names) {
  const { flag, environment } = SETTINGS[name];
  const { byDefault, allowed, refused } = CASES[name];
  const byEnvironment = (text: string): unknown => readConfig([], { [environment]: text })[name];

  describe(name, () => {
    test("has its default", () => {
      assert.deepEqual(readConfig([], {})[name], byDefault);
    });

    test("an empty variable is one that is not set", () => {
      assert.deepEqual(byEnvironment(""), byDefault);
    });

    for (const [text, meaning] of allowed) {
      test(`takes ${JSON.stringify(text.slice(0, 40))} from ${environment}`, () => {
        assert.deepEqual(byEnvironment(text), meaning);
      });
      if (flag === undefined) continue;
      test(`takes ${JSON.stringify(text)} from --${flag}`, () => {
        assert.deepEqual(readConfig([`--${flag}`, text], {})[name], meaning);
        assert.deepEqual(readConfig([`--${flag}=${text}`], {})[name], meaning);
      });
    }

    for (const [text, message] of refused) {
      test(`refuses ${JSON.stringify(text.slice(0, 40))} and says what is allowed`, () => {
        assert.throws(
          () => byEnvironment(text),
          (error) => {
            assert.ok(error instanceof ConfigError);
            assert.match(error.message, message);
            assert.ok(error.message.startsWith(`${environment}: `), error.message);
            return true;
          },
        );
        if (flag === undefined) return;
        assert.throws(() => readConfig([`--${flag}=${text}`], {}), {
          name: "ConfigError",
          message: new RegExp(`^--${flag}: .*${message.source}`),
        });
      });
    }

    if (flag !== undefined) {
      test("the flag wins over the environment, even over one that is not allowed", () => {
        const [[byFlag, meaning], [other]] = [allowed[0] ?? ["", undefined], allowed[1] ?? [""]];
        assert.deepEqual(readConfig([`--${flag}`, byFlag], { [environment]: other })[name], meaning);
        assert.deepEqual(readConfig([`--${flag}`, byFlag], { [environment]: refused[0]?.[0] })[name], meaning);
      });
    }
  });
}

describe("settings", () => {
  test("each has a case here, and a variable of its own", () => {
    assert.deepEqual([...names].sort(), Object.keys(SETTINGS).sort());
    const variables = Object.values(SETTINGS).map(({ environment }) => environment);
    assert.equal(new Set(variables).size, variables.length);
    for (const variable of variables) assert.match(variable, /^LOCKKEEPER_[A-Z_]+$/);
  });

  test("a variable is named like its flag", () => {
    for (const { flag, environment } of Object.values<{ flag?: string; environment: string }>(SETTINGS)) {
      if (flag === undefined) continue;
      assert.equal(environment, `LOCKKEEPER_${flag.replaceAll("-", "_").toUpperCase()}`);
    }
  });

  test("a default is a value that is allowed", () => {
    for (const { fallback, parse } of Object.values(SETTINGS)) assert.doesNotThrow(() => parse(fallback));
  });

  test("other variables are not read", () => {
    assert.deepEqual(readConfig([], { LISTEN: "x", LOCKKEEPER_LISTENER: "y" }), readConfig([], {}));
  });
});

describe("flags", () => {
  test("one that does not exist is refused by name", () => {
    assert.throws(() => readConfig(["--listne", "x"], {}), { name: "ConfigError", message: /--listne/ });
  });

  test("one without a value is refused by name", () => {
    assert.throws(() => readConfig(["--listen"], {}), { name: "ConfigError", message: /--listen/ });
    assert.throws(() => readConfig(["--listen", "--log-level", "info"], {}), {
      name: "ConfigError",
      message: /--listen/,
    });
  });

  test("a word that belongs to no flag is refused", () => {
    assert.throws(() => readConfig(["extra"], {}), { name: "ConfigError" });
  });

  test("an empty value is a value, and refused where it is not allowed", () => {
    assert.throws(
      () => readConfig(["--listen", ""], { LOCKKEEPER_LISTEN: "localhost:1" }),
      /^ConfigError: --listen: ""/,
    );
  });
});

describe("P28 secrets", () => {
  test("the admin key has no flag, for a command line is seen by everybody", () => {
    assert.equal(SETTINGS.adminKey.flag, undefined);
    assert.throws(
      () => readConfig([`--admin-key=${KEY}`], {}),
      (error) => error instanceof ConfigError && !error.message.includes(KEY),
    );
  });

  test("an admin key that is refused is not repeated", () => {
    for (const key of ["tiny-secret", `${KEY} with spaces`, `${KEY}é`]) {
      assert.throws(
        () => readConfig([], { LOCKKEEPER_ADMIN_KEY: key }),
        (error) =>
          error instanceof ConfigError && !error.message.includes("secret") && !error.message.includes("horse"),
      );
    }
  });

  test("the address of a database, which may have a password in it, is not repeated", () => {
    const address = "postgres://lock:hunter2@db/lockkeeper";
    for (const read of [
      () => readConfig([], { LOCKKEEPER_DATABASE: address }),
      () => readConfig(["--database", address], {}),
    ]) {
      assert.throws(read, (error) => error instanceof ConfigError && !error.message.includes("hunter2"));
    }
  });
});

describe("the help", () => {
  test("names every setting with its flag, variable, default and meaning", () => {
    const help = helpText();
    for (const { flag, environment, fallback, meaning } of Object.values<{
      flag?: string;
      environment: string;
      fallback: string;
      meaning: string;
    }>(SETTINGS)) {
      const head = flag === undefined ? environment : `--${flag} VALUE, ${environment}`;
      assert.ok(help.includes(`  ${head}${fallback === "" ? "" : ` (default ${fallback})`}\n      ${meaning}\n`), head);
    }
    assert.ok(help.endsWith("\n"));
  });
});
