/** A checkpoint is read by Go's own implementation of signed notes, which Debian's Go brings. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { findProgram, runCommand } from "../support/run-command.ts";
import { startService, temporaryFolder } from "../support/service.ts";

const PROGRAM = `package main

import (
	"fmt"
	"io"
	"os"

	"note"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	verifier, err := note.NewVerifier(os.Args[1])
	if err != nil {
		panic(err)
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Print(opened.Text)
}
`;

test("Go opens the note of a checkpoint, and refuses it when it was changed", async (t) => {
  if (findProgram("go") === undefined) return t.skip("go is not installed");
  const { stdout: root } = await runCommand("go", ["env", "GOROOT"]);
  const source = join(root.trim(), "src/cmd/vendor/golang.org/x/mod/sumdb/note/note.go");
  if (!existsSync(source)) return t.skip(`Go's sources are not installed: ${source}`);
  const folder = await temporaryFolder(t);
  mkdirSync(join(folder, "src/note"), { recursive: true });
  // The standard library has the package that this one was made of.
  const text = readFileSync(source, "utf8").replace("golang.org/x/crypto/ed25519", "crypto/ed25519");
  writeFileSync(join(folder, "src/note/note.go"), text);
  writeFileSync(join(folder, "main.go"), PROGRAM);
  // Without modules nothing is downloaded.
  const environment = { ...process.env, GOPATH: folder, GO111MODULE: "off", GOFLAGS: "" };
  const built = await runCommand("go", ["build", "-o", "open", "main.go"], { environment, folder, timeoutMs: 170_000 });
  assert.equal(built.code, 0, built.stderr);
  const { history } = await startService(t, { isOneProcess: true });
  let [checkpoint, key] = ["", ""];
  for await (const { message } of history.exportHistory({})) {
    if (message.case === "end") [checkpoint, key] = [message.value.checkpoint, message.value.verifierKeys[0] ?? ""];
  }
  const open = (stdin: string) => runCommand(join(folder, "open"), [key], { stdin });
  assert.equal((await open(checkpoint)).stdout, checkpoint.split("\n\n")[0]?.concat("\n"));
  assert.match((await open(checkpoint.replace(/\n\d+\n/, "\n999\n"))).stdout, /invalid signature/);
});
