/** The grammar of path templates, and the columns that its errors name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePathTemplate } from "../../src/transcoding/path-template.ts";

/** Prints a parsed template: segments, variables with the segments they cover, verb. */
function print(text: string): string {
  const { segments, variables, verb } = parsePathTemplate(text);
  const path = segments.map((segment) =>
    segment.kind === "literal" ? segment.text : segment.kind === "any" ? "*" : "**",
  );
  const names = variables.map(
    ({ fieldPath, start, end, rest }) => `${fieldPath.join(".")}@${start}-${end}${rest ? "+" : ""}`,
  );
  return [path.join("|"), ...names, ...(verb === "" ? [] : [`:${verb}`])].join(" ");
}

const TAKEN: readonly [template: string, printed: string][] = [
  ["/", ""],
  ["/v1/users", "v1|users"],
  ["/v1/*/x", "v1|*|x"],
  ["/v1/**", "v1|**"],
  ["/**", "**"],
  ["/v1/{id}", "v1|* id@1-2"],
  ["/v1/{id=*}", "v1|* id@1-2"],
  ["/v1/{user.id}/x", "v1|*|x user.id@1-2"],
  ["/v1/{name=shelves/*/books/*}", "v1|shelves|*|books|* name@1-5"],
  ["/v1/{name=**}", "v1|** name@1-2+"],
  ["/v1/{name=a/**}:act", "v1|a|** name@1-3+ :act"],
  ["/v1/{a}/{b}", "v1|*|* a@1-2 b@2-3"],
  ["/v1/users:import", "v1|users :import"],
  ["/v1/a%20b", "v1|a b"],
  ["/v1/$batch", "v1|$batch"],
];

for (const [template, printed] of TAKEN) test(`accepts ${template}`, () => assert.equal(print(template), printed));

const REFUSED: readonly [template: string, column: number, reason: RegExp][] = [
  ["", 1, /begins with "\/"/],
  ["v1", 1, /begins with "\/"/],
  ["/v1/", 5, /a segment must not be empty/],
  ["/v1//x", 5, /a segment must not be empty/],
  ["//x", 2, /a segment must not be empty/],
  ["/v1/**/x", 8, /nothing but a verb may follow/],
  ["/v1/{a=**}/x", 12, /nothing but a verb may follow/],
  ["/v1/***", 7, /stands alone/],
  ["/v1/*x", 6, /stands alone/],
  ["/v1/x*", 6, /must begin a segment/],
  ["/v1/x{a}", 6, /must begin a segment/],
  ["/v1/{a}x", 8, /must fill its segments completely/],
  ["/v1/{a}{b}", 8, /must fill its segments completely/],
  ["/v1/{a={b}}", 8, /must not contain a variable/],
  ["/v1/{a", 7, /expected "}"/],
  ["/v1/{}", 6, /expected a field name/],
  ["/v1/{a.}", 8, /expected a field name/],
  ["/v1/{1a}", 6, /expected a field name/],
  ["/v1/{a=}", 8, /a segment must not be empty/],
  ["/v1/a}", 6, /unexpected "}"/],
  ["/v1/x:", 7, /a verb must not be empty/],
  ["/v1/x:a:b", 8, /unexpected ":"/],
  ["/v1/x:a/b", 8, /unexpected "\/"/],
  ["/v1:a/b", 6, /unexpected "\/"/],
  ["/:act", 2, /a segment must not be empty/],
  ["/v1/%zz", 5, /not valid percent-encoded/],
  ["/v1/a?b", 6, /unexpected "\?"/],
];

for (const [template, column, reason] of REFUSED) {
  test(`refuses ${JSON.stringify(template)} at column ${column}`, () => {
    assert.throws(
      () => parsePathTemplate(template),
      (error: Error) => error.message.includes(`, column ${column}: `) && reason.test(error.message),
    );
  });
}
