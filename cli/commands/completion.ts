/** `completion`: scripts for the shells, written from the command tree itself, so that they never lag behind. */
import type { Command } from 'commander';
import { type Context, print } from '../context.ts';

type Shell = 'bash' | 'zsh' | 'fish';

/** What can follow a path of commands: subcommands and flags. */
interface Entry {
  path: string;
  commands: readonly { name: string; description: string }[];
  flags: readonly { name: string; description: string }[];
}

export function showCompletion(context: Context, program: Command, shell: Shell): void {
  const entries = collect(program, program, '');
  print(context, { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](entries));
}

function collect(program: Command, command: Command, path: string): Entry[] {
  const options = command === program ? program.options : [...command.options, ...program.options];
  const entry: Entry = {
    path,
    commands: command.commands.map((sub) => ({ name: sub.name(), description: firstClause(sub.description()) })),
    flags: [...options, undefined].map((option) => ({
      name: option?.long ?? '--help',
      description: firstClause(option?.description ?? 'show the help'),
    })),
  };
  return [entry, ...command.commands.flatMap((sub) => collect(program, sub, `${path} ${sub.name()}`.trim()))];
}

function firstClause(description: string): string {
  return description
    .split(/[:;(,]/)[0]!
    .trim()
    .replaceAll("'", '');
}

function words(entry: Entry): string {
  return [...entry.commands, ...entry.flags].map(({ name }) => name).join(' ');
}

/** The path is the words typed so far that are neither flags nor their values; only known paths match. */
function bashScript(entries: readonly Entry[]): string {
  const cases = entries.map((entry) => `    '${entry.path}') words='${words(entry)}' ;;`).join('\n');
  const paths = entries.map((entry) => `'${entry.path}'`).join('|');
  return `# bash completion of skuprt
_skuprt() {
  local path='' word words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "\${path:+$path }$word" in ${paths}) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  # What is no word of ours may be a file.
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o filenames -F _skuprt skuprt
`;
}

function zshScript(entries: readonly Entry[]): string {
  const describe = ({ name, description }: { name: string; description: string }) =>
    `'${name.replaceAll(':', '\\:')}:${description}'`;
  const cases = entries
    .map(
      (entry) => `    '${entry.path}') words_here=(${[...entry.commands, ...entry.flags].map(describe).join(' ')}) ;;`,
    )
    .join('\n');
  const paths = entries.map((entry) => `'${entry.path}'`).join('|');
  return `#compdef skuprt
_skuprt() {
  local here='' word i
  local -a words_here
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    case "\${here:+$here }$word" in ${paths}) here="\${here:+$here }$word" ;; esac
  done
  case "$here" in
${cases}
  esac
  _describe 'skuprt' words_here || _files
}
compdef _skuprt skuprt
`;
}

function fishScript(entries: readonly Entry[]): string {
  const lines = entries.flatMap((entry) => {
    const here = `-n '__skuprt_at "${entry.path}"'`;
    return [
      ...entry.commands.map(({ name, description }) => `complete -c skuprt ${here} -f -a ${name} -d '${description}'`),
      ...entry.flags.map(
        ({ name, description }) => `complete -c skuprt ${here} -l ${name.slice(2)} -d '${description}'`,
      ),
    ];
  });
  const paths = entries.map((entry) => `'${entry.path}'`).join(' ');
  return `# fish completion of skuprt
function __skuprt_at
  set -l path ''
  for word in (commandline -opc)[2..-1]
    set -l longer (string trim "$path $word")
    if contains -- $longer ${paths}
      set path $longer
    end
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}
