/** Writes the notices of packages inside a bundle: their licences ask that every copy carries them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A package that has files in the bundle. */
export interface BundledPackage {
  readonly folder: string;
  readonly files: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

const HEAD = "The files of this folder contain parts of the packages below, each under its own licence.";
const RULE = `\n\n${"-".repeat(80)}\n\n`;
const NOTICE_FILE = /^(?:licen[cs]e|notice|copying)(?:[.-].*)?$/i;
/** The first comments of a file. */
const FIRST_COMMENT = /^(?:\s*(?:\/\/.*\n|\/\*[\s\S]*?\*\/))+/;

/** The text of the licence MIT without the line of its owner. */
const MIT_FORM = /Permission is hereby granted, free of charge[\s\S]*$/;

/** Returns the text of all notices. Throws for a package that has no text of its licence, unless the text is known from elsewhere. */
export function noticesOf(packages: readonly BundledPackage[]): string {
  const mit = packages.flatMap(({ folder }) => textsIn(folder)).find((text) => MIT_FORM.test(text)) ?? "";
  const known = {
    "Apache-2.0": "The text of Apache-2.0 is the file LICENSE of this package.",
    Unlicense: "Its authors have given it to the public domain: https://unlicense.org",
    MIT: MIT_FORM.exec(mit)?.[0],
  };
  return `${[HEAD, ...packages.map((each) => noticeOf(each, known))].join(RULE)}\n`;
}

function noticeOf({ folder, files }: BundledPackage, known: Readonly<Record<string, string | undefined>>): string {
  const { name, version, license = "" } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const comments = files
    .map((file) => FIRST_COMMENT.exec(readFileSync(file, "utf8"))?.[0] ?? "")
    .filter((comment) => comment.includes("Copyright"));
  const parts = [...textsIn(folder), ...new Set(comments.map(withoutMarks))];
  if (textsIn(folder).length === 0) {
    const text = Object.entries(known).find(([licence]) => license.includes(licence))?.[1];
    if (text === undefined) throw new Error(`${name} is under ${license}, and its text is not known`);
    parts.push(text);
  }
  return [`${name} ${version} (${license})`, ...parts].join("\n\n");
}

function textsIn(folder: string): readonly string[] {
  const files = readdirSync(folder).filter((file) => NOTICE_FILE.test(file));
  return files.map((file) => readFileSync(join(folder, file), "utf8").trim());
}

function withoutMarks(comment: string): string {
  return comment.replace(/^\s*(?:\/\/|\/\*+|\*\/|\*)[ ]?/gm, "").trim();
}
