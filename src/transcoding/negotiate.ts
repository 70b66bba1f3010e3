/** Reads Content-Type and Accept: what a request holds, and the form of its answer. */
import { quote } from "./bad-request.ts";
import { UnsupportedMediaType } from "./rest-error.ts";

const JSON_TYPE = /^\s*application\/json\s*(?:;(.*))?$/i;
const CHARSET = /(?:^|;)\s*charset\s*=\s*"?([^\s;"]*)/i;

/**
 * Returns whether the type is `application/json`, in any case and with any parameters, as long as a charset is UTF-8.
 * (Connect answers 415 for other charsets, too: JSON is UTF-8, and reading other bytes as UTF-8 would change the text.)
 */
function isJsonContentType(contentType: string): boolean {
  if (contentType === "application/json") return true;
  const found = JSON_TYPE.exec(contentType);
  if (found === null) return false;
  const charset = CHARSET.exec(found[1] ?? "")?.[1]?.toLowerCase();
  return charset === undefined || charset === "utf-8" || charset === "utf8";
}

/** Throws UnsupportedMediaType for a body that is not declared as JSON. */
export function assertJsonContentType(contentType: string | undefined): void {
  if (contentType === undefined || contentType === "") {
    throw new UnsupportedMediaType("the request body has no Content-Type; send application/json");
  }
  if (!isJsonContentType(contentType)) {
    throw new UnsupportedMediaType(`the Content-Type ${quote(contentType)} is not supported; send application/json`);
  }
}

/** Returns whether the header names the type by its full name, with a weight above zero. */
export function isNamed(accept: string | undefined, type: string): boolean {
  return accept !== undefined && parseAccept(accept).some((range) => range.type === type && range.weight > 0);
}

function parseAccept(accept: string): { type: string; weight: number }[] {
  return accept.split(",").map((part) => {
    const [type = "", ...parameters] = part.split(";");
    const weight = parameters
      .map((parameter) => /^\s*q\s*=\s*([\d.]+)\s*$/i.exec(parameter)?.[1])
      .find((q) => q !== undefined);
    return { type: type.trim().toLowerCase(), weight: weight === undefined ? 1 : Number(weight) };
  });
}
