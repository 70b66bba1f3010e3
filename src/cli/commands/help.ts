/** `lockkeeper help` and `lockkeeper version`: the flags --help and --version as commands. */
import { readVersion } from "../../version.ts";
import { defineCommand } from "../frame/command.ts";
import { optionalWords } from "../frame/flag.ts";
import { topicOf } from "../frame/parse.ts";
import { helpText } from "../frame/program.ts";

export const help = defineCommand({
  name: "help",
  meaning: "show the help of a command, as --help does",
  reach: "none",
  words: { command: optionalWords("a command or a group of commands (default: all)") },
  flags: {},
  examples: [
    ["help users", "the commands on users"],
    ["help users lock", "one command"],
  ],
  async run({ command }, { output, set, terminal }) {
    await output.write(helpText(topicOf(command, set), set, terminal));
    return "done";
  },
});

export const version = defineCommand({
  name: "version",
  meaning: "show the version, as --version does",
  reach: "none",
  words: {},
  flags: {},
  examples: [["version", "prints the version"]],
  async run(_, { output }) {
    await output.write(`${readVersion()}\n`);
    return "done";
  },
});
