/** `lockkeeper completion`: what a shell needs to complete our commands and flags. */
import { basename } from "node:path";
import { defineCommand } from "../frame/command.ts";
import { usageFailure } from "../frame/failure.ts";
import { optionalWord } from "../frame/flag.ts";

const SHELLS = ["bash", "zsh", "fish"];

export const completion = defineCommand({
  name: "completion",
  meaning: "print the completion script of a shell",
  reach: "none",
  words: { shell: { ...optionalWord(`one of ${SHELLS.join(", ")}; absent: the one in SHELL`), choices: SHELLS } },
  flags: {},
  examples: [
    ["completion bash >> ~/.bashrc", "for bash"],
    ["completion zsh > ~/.zsh/completions/_lockkeeper", "for zsh, in a folder of its fpath"],
    ["completion fish > ~/.config/fish/completions/lockkeeper.fish", "for fish"],
  ],
  async run({ shell = "" }, { environment, output }) {
    const name = shell === "" ? basename(environment.SHELL ?? "") : shell;
    if (!SHELLS.includes(name)) {
      throw usageFailure(
        `${shell === "" ? "SHELL" : "<shell>"}: ${JSON.stringify(name)} is not allowed; it must be one of ${SHELLS.join(", ")}`,
      );
    }
    // yargs asks SHELL what it writes for: here, and whenever the script calls back.
    process.env.SHELL = `/bin/${name}`;
    const { default: yargs } = await import("yargs");
    let script = "";
    await yargs([])
      .scriptName("lockkeeper")
      .exitProcess(false)
      .completion("completion")
      .parseAsync(["completion"], {}, (_error, _argv, output) => {
        script = output;
      });
    const callback = "lockkeeper --get-yargs-completions";
    await output.write(`${script.replaceAll(callback, `env SHELL=/bin/${name} ${callback}`)}\n`);
    return "done";
  },
});
