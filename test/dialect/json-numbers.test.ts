/** Each dialect refuses metadata with numbers that a double cannot hold exactly, and names them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ADMIN_KEY, startService } from "../support/service.ts";

const CASES: readonly (readonly [path: string, body: (number: string) => string, status: number, says: RegExp])[] = [
  [
    "/clerk/v1/users",
    (number) => `{"first_name":"A","public_metadata":{"id":${number}}}`,
    422,
    /public_metadata.*is a number beyond ±9007199254740991, .* send it as a text/,
  ],
  [
    "/resources/v3alpha/users?organization.orgId=default",
    (number) => `{"schemaId":"s","data":{"id":${number}}}`,
    400,
    /\["id"\]: is a number beyond ±9007199254740991, .* send it as a text/,
  ],
];

test("a number that would lose digits is refused and named", async (t) => {
  const { url } = await startService(t, { config: { dialects: ["clerk", "zitadel"] } });
  for (const [path, body, status, says] of CASES) {
    for (const number of ["12345678901234567890", "-9007199254740992", "1e300"]) {
      const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
      const answer = await fetch(url + path, { method: "POST", headers, body: body(number) });
      const text = (await answer.text()).replaceAll('\\"', '"');
      assert.equal(answer.status, status, text);
      assert.match(text, says);
    }
  }
});
