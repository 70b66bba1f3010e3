/** nginx before services, as a balancer: HTTP/1.1 on one port and gRPC on another, over kept connections. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { defer } from "./cleanup.ts";
import { temporaryFolder } from "./service.ts";
import { until } from "./until.ts";

export interface Nginx {
  readonly http1Url: string;
  readonly grpcUrl: string;
}

/** Where it is; `undefined`: not on this machine. */
export function findNginx(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, "nginx")).find((path) => existsSync(path));
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** It asks nobody for health: a call goes to the next service when one takes no connection. */
export async function startNginx(t: TestContext, program: string, ports: readonly number[]): Promise<Nginx> {
  const folder = await temporaryFolder(t);
  const [http1Port, grpcPort] = [await freePort(), await freePort()];
  const upstream = (name: string): string =>
    `upstream ${name} { ${ports.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(" ")} keepalive 8; }`;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (each) => `${each}_temp_path ${folder}/${each};`,
  );
  const configuration = `
    daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log warn;
    events { worker_connections 256; }
    http {
      access_log off; ${temporary.join(" ")}
      ${upstream("http1")} ${upstream("grpc")}
      server {
        listen 127.0.0.1:${http1Port};
        location / { proxy_pass http://http1; proxy_http_version 1.1; proxy_set_header Connection ""; }
      }
      server { listen 127.0.0.1:${grpcPort} http2; location / { grpc_pass grpc://grpc; } }
    }`;
  await writeFile(join(folder, "nginx.conf"), configuration);
  const child: ChildProcess = spawn(
    program,
    ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")],
    { stdio: "inherit" },
  );
  defer(t, () => {
    child.kill("SIGKILL");
  });
  const http1Url = `http://127.0.0.1:${http1Port}`;
  let isUp = false;
  await until(() => {
    fetch(`${http1Url}/healthz`, { headers: { connection: "close" } }).then(
      ({ status }) => (isUp = status === 200),
      () => undefined,
    );
    return isUp;
  }, "nginx");
  return { http1Url, grpcUrl: `http://127.0.0.1:${grpcPort}` };
}
