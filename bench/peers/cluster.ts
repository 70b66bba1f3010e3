/** Runs a peer in several processes that share one port, as its users do: `cluster.ts COUNT FILE [arguments]`. */
import cluster from "node:cluster";

const [count = "1", exec = "", ...args] = process.argv.slice(2);
cluster.setupPrimary({ exec, args, silent: true });
const listening = Array.from({ length: Number(count) }, () => {
  const worker = cluster.fork();
  worker.process.stderr?.pipe(process.stderr);
  worker.on("exit", () => process.exit(1));
  return new Promise<string>((resolve) => {
    worker.process.stdout?.on("data", (text: Buffer) => {
      const line = /^listening on .*$/m.exec(text.toString())?.[0];
      if (line !== undefined) resolve(line);
    });
  });
});
const lines = new Set(await Promise.all(listening));
if (lines.size !== 1) throw new Error(`the processes listen apart: ${[...lines].join(", ")}`);
process.stdout.write(`${[...lines][0]}\n`);
