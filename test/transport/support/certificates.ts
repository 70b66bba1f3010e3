/** Certificates for tests, made by openssl, each signed by the authority of its folder. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The reason why tests with certificates cannot run here; undefined if they can. */
export function noOpenssl(): string | undefined {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "openssl is not installed; on Debian: apt-get install openssl";
  }
}

export interface Issued {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** Creates an authority whose files are in `folder`. */
export class Authority {
  readonly #folder: string;
  readonly #name: string;
  readonly cert: string;
  readonly certPem: string;

  constructor(folder: string, name = "ca") {
    this.#folder = folder;
    this.#name = name;
    this.cert = join(folder, `${name}.crt`);
    openssl([
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
      ...["-subj", `/CN=${name}`, "-keyout", join(folder, `${name}.key`), "-out", this.cert],
    ]);
    this.certPem = readFileSync(this.cert, "utf8");
  }

  /** Creates a certificate for localhost. `days` below 0: it has expired. `type`: of its key. */
  issue(name: string, days = 2, type: "ec" | "rsa" = "ec"): Issued {
    const file = (ending: string): string => join(this.#folder, `${name}.${ending}`);
    openssl([
      ...["req", "-newkey", ...(type === "rsa" ? ["rsa:2048"] : ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])],
      ...["-nodes", "-subj", `/CN=${name}`, "-keyout", file("key"), "-out", file("csr")],
    ]);
    writeFileSync(file("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1");
    openssl([
      ...["x509", "-req", "-in", file("csr"), "-out", file("crt"), "-extfile", file("ext"), "-days", `${days}`],
      ...["-CA", this.cert, "-CAkey", join(this.#folder, `${this.#name}.key`), "-CAcreateserial"],
    ]);
    const [cert, key] = [file("crt"), file("key")];
    return { cert, key, certPem: readFileSync(cert, "utf8"), keyPem: readFileSync(key, "utf8") };
  }
}

function openssl(args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
