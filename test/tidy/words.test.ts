/** Comments, help texts, messages and documents use plain words: docs/CONTRIBUTING.md says why. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Fault, faultsIn, filesBelow, readRootFile, type SourceFile } from "./support/tree.ts";

interface Word {
  readonly avoid: RegExp;
  readonly plain: string;
  /** Texts in which it must be found, and ones in which it must not. */
  readonly found: readonly string[];
  readonly fine?: readonly string[];
}

const WORDS: readonly Word[] = [
  { avoid: /\banew\b/i, plain: "again", found: ["fetched anew"] },
  { avoid: /\blest\b/i, plain: "so that … not", found: ["lest it fail"], fine: ["the oldest"] },
  { avoid: /\bwho(?:m|so)?ever\b/i, plain: "the caller that, anyone who", found: ["Whoever asks", "whomever"] },
  { avoid: /\bwhom\b/i, plain: "that, who", found: ["the user whom it locks"] },
  { avoid: /\bof which\b/i, plain: "a sentence of its own", found: ["methods of which few are used"] },
  { avoid: /\bdear(?:er|est)?\b/i, plain: "expensive", found: ["dear to load", "the dearest"], fine: ["nuclear"] },
  {
    avoid: /\bhung\b|\bhangs? (?:on|it|the)\b/i,
    plain: "mounted",
    found: ["hung on it"],
    fine: ["a test hangs", "changed"],
  },
  { avoid: /\bbeside\b/i, plain: "next to", found: ["the file beside it"], fine: ["besides"] },
  {
    avoid: /\b(?:is|are|was|were|be|been|being) told\b(?! (?:to|apart)\b)|^told\b/i,
    plain: "reported, called with",
    found: ["is told once", "Told of it"],
    fine: ["until it is told to stop", "the two are told apart"],
  },
  { avoid: /\bhears\b/i, plain: "is called with", found: ["Hears of each batch"] },
  { avoid: /\bover there\b/i, plain: "in the source system", found: ["the id over there"] },
  {
    avoid: /(?<!\bthere )\bis no (?!longer\b|more\b|\w+ than\b)/i,
    plain: "is not a",
    found: ["that is no token"],
    fine: ["it is no longer so", "there is no token"],
  },
  { avoid: /\b(?:is|are) to be\b/i, plain: "must, will", found: ["how it is to be read"] },
  { avoid: /\bfor ever\b/i, plain: "forever", found: ["kept for ever"], fine: ["for every"] },
  { avoid: /\ball the same\b/i, plain: "anyway", found: ["served all the same"] },
  { avoid: /\bin (?:the|their|its) (?:place|stead) of\b/i, plain: "instead of", found: ["in the place of it"] },
  { avoid: /\bspoil(?:t|ed|s)?\b/i, plain: "corrupt", found: ["a spoilt token"] },
  { avoid: /\bstrays?\b/i, plain: "unexpected, unknown", found: ["a stray field"], fine: ["astray"] },
  { avoid: /\bmend(?:s|ed|ing)?\b/i, plain: "fix", found: ["to mend it"], fine: ["recommended"] },
  { avoid: /\btame\b/i, plain: "bounded", found: ["a tame text"] },
  { avoid: /\bsurroundings\b/i, plain: "context, environment", found: ["its surroundings"] },
  { avoid: /\bbadge\b/i, plain: "credential, API key", found: ["the badge"] },
  { avoid: /\broads?\b/i, plain: "path, protocol", found: ["both roads"], fine: ["broad"] },
];

/** Returns the prose of a file with its lines in place: comments and texts of code, what is not code of documents. */
function proseOf({ path, text }: SourceFile): string {
  if (path.endsWith(".md")) return text.replace(/^```[\s\S]*?^```/gm, blank).replace(/`[^`\n]*`/g, blank);
  const prose = /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
  let end = 0;
  let kept = "";
  for (const match of text.matchAll(prose)) {
    // A text of one word is a name or a value.
    const isProse = match[0].includes(" ");
    kept += blank(text.slice(end, match.index)) + (isProse ? match[0].replace(/\$\{[^}]*\}/g, blank) : blank(match[0]));
    end = match.index + match[0].length;
  }
  return kept;
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

function wordsToAvoid(file: SourceFile): readonly Fault[] {
  return proseOf(file)
    .split("\n")
    .map((line) => line.replace(/^\s*(?:\/?\*+|\/\/)?\s*/, ""))
    .flatMap((line, index) =>
      WORDS.filter(({ avoid }) => avoid.test(line)).map(
        ({ avoid, plain }) => `line ${index + 1}: ${avoid.exec(line)?.[0] ?? ""} → ${plain}`,
      ),
    );
}

describe("plain words", () => {
  test("the rule finds what it is there to find, and nothing else", () => {
    for (const { avoid, found, fine = [] } of WORDS) {
      for (const text of found) assert.match(text, avoid);
      for (const text of fine) assert.doesNotMatch(text, avoid);
    }
    const faults = (path: string, text: string): number => wordsToAvoid({ path, text }).length;
    assert.equal(faults("a.ts", "/** Made anew. */\nconst anew = whom;\n// Told of it."), 2);
    assert.equal(faults("a.ts", 'say("not known, whoever asks", `one $' + '{anew} two`, "anew")'), 1);
    assert.equal(faults("a.md", "Made anew.\n\n```sh\nanew\n```\n`anew`"), 1);
  });

  test("hold everywhere", () => {
    const folders = [
      "src",
      "scripts",
      "bench",
      "examples",
      "clients/typescript/src",
      "console",
      "proto",
      "test",
      "docs",
    ];
    const files = filesBelow(folders)
      .filter(({ path }) => /\.(?:tsx?|proto|md)$/.test(path))
      // Google's protos, which the build lays there, and this file, which names what it looks for.
      .filter(({ path }) => !path.startsWith("proto/google/") && path !== "test/tidy/words.test.ts");
    const pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map((path) => ({
      path,
      text: readRootFile(path) ?? "",
    }));
    assert.ok(files.length > 100);
    assert.deepEqual(faultsIn([...files, ...pages], wordsToAvoid), []);
  });
});
