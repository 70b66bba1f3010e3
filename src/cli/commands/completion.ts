/** `lockkeeper completion`: the scripts with which shells complete commands, flags, values and files. */
import { basename } from "node:path";
import { defineCommand } from "../frame/command.ts";
import { COMPLETION_CALLBACK } from "../frame/completion.ts";
import { usageFailure } from "../frame/failure.ts";
import { optionalWord } from "../frame/flag.ts";

/** Each script calls this program, which prints lines of a value, a tab and its meaning; `:files` stands for files. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_lockkeeper() {
  local IFS=$'\\n' line
  COMPREPLY=()
  compopt +o default 2>/dev/null
  while read -r line; do
    if [ "$line" = ":files" ]; then compopt -o default 2>/dev/null; return; fi
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(lockkeeper ${COMPLETION_CALLBACK} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _lockkeeper lockkeeper
`,
  zsh: `#compdef lockkeeper
_lockkeeper() {
  local line
  local -a offers
  while IFS= read -r line; do
    if [[ "$line" == ":files" ]]; then _files; return; fi
    offers+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <(lockkeeper ${COMPLETION_CALLBACK} "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe lockkeeper offers
}
if [[ $zsh_eval_context == *func ]]; then _lockkeeper "$@"; else compdef _lockkeeper lockkeeper; fi
`,
  fish: `function __lockkeeper
  set -l words (commandline -opc) (commandline -ct)
  set -l offers (lockkeeper ${COMPLETION_CALLBACK} $words[2..-1] 2>/dev/null)
  if test "$offers" = ":files"
    __fish_complete_path (commandline -ct)
  else
    string join -- \\n $offers
  end
end
complete -f -c lockkeeper -a "(__lockkeeper)"
`,
};
const SHELLS = Object.keys(SCRIPTS);

export const completion = defineCommand({
  name: "completion",
  meaning: "print the completion script for a shell",
  reach: "none",
  words: {
    shell: { ...optionalWord(`one of ${SHELLS.join(", ")}; default: the shell named in SHELL`), choices: SHELLS },
  },
  flags: {},
  examples: [
    ["completion bash >> ~/.bashrc", "for bash"],
    ["completion zsh > ~/.zsh/completions/_lockkeeper", "for zsh, in a folder of fpath"],
    ["completion fish > ~/.config/fish/completions/lockkeeper.fish", "for fish"],
  ],
  async run({ shell }, { terminal, output }) {
    const name = shell ?? basename(terminal.environment.SHELL ?? "");
    const script = Object.hasOwn(SCRIPTS, name) ? SCRIPTS[name] : undefined;
    if (script === undefined) {
      throw usageFailure(
        `${shell === undefined ? "SHELL" : "<shell>"}: ${JSON.stringify(name)} is not allowed; it must be one of ${SHELLS.join(", ")}`,
      );
    }
    await output.write(script);
    return "done";
  },
});
