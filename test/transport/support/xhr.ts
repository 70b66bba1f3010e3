/** The part of XMLHttpRequest that the npm `grpc-web` client uses, over node:http: Node has none of its own. */
import * as http from "node:http";

export class NodeXhr {
  readyState = 0;
  status = 0;
  statusText = "";
  responseText = "";
  responseType = "";
  response: ArrayBuffer | string = "";
  withCredentials = false;
  timeout = 0;
  onreadystatechange: (() => void) | null = null;
  #request: http.ClientRequest | undefined;
  #method = "";
  #url = "";
  readonly #headers: Record<string, string> = {};
  #received: http.IncomingHttpHeaders = {};

  open(method: string, url: string): void {
    this.#method = method;
    this.#url = url;
    this.#enter(1);
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  send(body: string | Uint8Array | undefined): void {
    this.#request = http.request(this.#url, { method: this.#method, headers: this.#headers }, (response) => {
      this.status = response.statusCode ?? 0;
      this.statusText = response.statusMessage ?? "";
      this.#received = response.headers;
      this.#enter(2);
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (this.responseType !== "arraybuffer") {
          this.responseText += chunk.toString("latin1");
          this.response = this.responseText;
        }
        this.#enter(3);
      });
      response.on("end", () => {
        if (this.responseType === "arraybuffer") this.response = new Uint8Array(Buffer.concat(chunks)).buffer;
        this.#enter(4);
      });
    });
    this.#request.on("error", () => this.#enter(4));
    this.#request.end(body);
  }

  getResponseHeader(name: string): string | null {
    const value = this.#received[name.toLowerCase()];
    return value === undefined ? null : String(value);
  }

  getAllResponseHeaders(): string {
    return Object.entries(this.#received)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\r\n");
  }

  abort(): void {
    this.#request?.destroy();
  }

  #enter(state: number): void {
    this.readyState = state;
    this.onreadystatechange?.();
  }
}
