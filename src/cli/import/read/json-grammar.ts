/** Checks that a document is JSON between and around the objects that are parsed separately. */

/** The tokens that may come next. */
type Place = "value" | "value or end" | "name" | "name or end" | "colon" | "comma or end";

const LITERAL = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
/** The longest literal; a longer one is not valid. */
const LITERAL_CHARS_MAX = 400;
const SPACE = new Set([9, 10, 13, 32]);

/** Called with brackets, strings, colons, commas and all other bytes, in order. Each method returns whether that is valid there. */
export class JsonGrammar {
  readonly #isList: boolean[] = [];
  #place: Place | undefined = "value";
  /** The beginning of a number, `true`, `false` or `null`. */
  #literal = "";

  open(isList: boolean): boolean {
    if (!this.#endLiteral() || !this.#isValueNext()) return false;
    this.#isList.push(isList);
    this.#place = isList ? "value or end" : "name or end";
    return true;
  }

  close(isList: boolean): boolean {
    const mayEnd = this.#endLiteral() && this.#place?.endsWith("or end") === true;
    if (!mayEnd || this.#isList.pop() !== isList) return false;
    this.#endValue();
    return true;
  }

  string(): boolean {
    if (!this.#endLiteral()) return false;
    if (this.#place === "name" || this.#place === "name or end") this.#place = "colon";
    else if (this.#isValueNext()) this.#endValue();
    else return false;
    return true;
  }

  colon(): boolean {
    if (!this.#endLiteral() || this.#place !== "colon") return false;
    this.#place = "value";
    return true;
  }

  comma(): boolean {
    if (!this.#endLiteral() || this.#place !== "comma or end") return false;
    this.#place = this.#isList.at(-1) ? "value" : "name";
    return true;
  }

  other(byte: number): boolean {
    if (SPACE.has(byte)) return this.#endLiteral();
    if (!this.#isValueNext() || this.#literal.length >= LITERAL_CHARS_MAX) return false;
    this.#literal += String.fromCharCode(byte);
    return true;
  }

  /** Whether the document may end here. */
  end(): boolean {
    return this.#endLiteral() && this.#place === undefined;
  }

  #isValueNext(): boolean {
    return this.#place === "value" || this.#place === "value or end";
  }

  #endLiteral(): boolean {
    if (this.#literal === "") return true;
    if (!LITERAL.test(this.#literal)) return false;
    this.#literal = "";
    this.#endValue();
    return true;
  }

  #endValue(): void {
    this.#place = this.#isList.length === 0 ? undefined : "comma or end";
  }
}
