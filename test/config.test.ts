/** Every setting: flag > environment > default, and what is refused with which words. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Config, ConfigError, readConfig, SETTINGS } from "../src/config.ts";
import { CASES, KEY } from "./support/config-cases.ts";

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
    const address = "postgress://lock:hunter2@db/lockkeeper";
    for (const read of [
      () => readConfig([], { LOCKKEEPER_DATABASE: address }),
      () => readConfig(["--database", address], {}),
    ]) {
      assert.throws(read, (error) => error instanceof ConfigError && !error.message.includes("hunter2"));
    }
  });
});
