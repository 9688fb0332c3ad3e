/**
 * `fargo-wasm completion bash|zsh|fish`: a script for the shell, made from the tree of commands, so that it can't differ
 * from what the commands take.
 *
 * The script knows everything when it is made: completing starts no process.
 */

import { Argument, type Command, Command as CommandClass, type Option } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const HELP = `
Examples:
  $ fargo-wasm completion bash >> ~/.bashrc
  $ fargo-wasm completion zsh > "\${fpath[1]}/_fargo-wasm"
  $ fargo-wasm completion fish > ~/.config/fish/completions/fargo-wasm.fish`;

/** @param root the tree, asked for when the command runs */
export function completionCommand(root: () => Command): Command {
  return new CommandClass('completion')
    .summary('print completions for a shell')
    .description('Prints a script that completes the command line of fargo-wasm.')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, root()));
    });
}

/** One command as completions see it. */
interface Described {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Option[];
  /** Values that its argument has; undefined: a file. */
  readonly choices: readonly string[] | undefined;
  /** Whether there is an argument at all. */
  readonly takesArgument: boolean;
}

/** The script for a shell. */
function completionScript(shell: Shell, root: Command): string {
  const commands = root.createHelp().visibleCommands(root).map(describe);
  const own = root.createHelp().visibleOptions(root);
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands, own);
}

function describe(command: Command): Described {
  const help = command.createHelp();
  const argument = command.registeredArguments[0];
  return {
    name: command.name(),
    summary: help.subcommandDescription(command),
    options: help.visibleOptions(command),
    choices: argument?.argChoices,
    takesArgument: argument !== undefined,
  };
}

function flagsOf(options: readonly Option[]): string[] {
  return options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined));
}

/** Options whose value is a file or directory. */
function takesPath({ long }: Option): boolean {
  return (
    long !== undefined &&
    ['--dir', '--disk', '--disk-backing', '--save-disk', '--stdin', '--since', '--tar', '--output', '--wit'].includes(
      long,
    )
  );
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function bashScript(commands: readonly Described[], own: readonly Option[]): string {
  const cases = commands.map(({ name, options, choices }) => {
    const paths = flagsOf(options.filter(takesPath));
    const values = flagsOf(options.filter((option) => takesValue(option) && !takesPath(option)));
    const words = choices === undefined ? 'COMPREPLY=($(compgen -f -- "$current"))' : reply(choices);
    return [
      `    ${name})`,
      '      case "$previous" in',
      ...(paths.length > 0 ? [`        ${paths.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;`] : []),
      ...(values.length > 0 ? [`        ${values.join('|')}) return ;;`] : []),
      '      esac',
      `      if [[ $current == -* ]]; then ${reply(flagsOf(options))}; else ${words}; fi`,
      '      ;;',
    ].join('\n');
  });
  return `# bash completion for fargo-wasm
_fargo_wasm() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= word IFS=$'\\n'
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  case "$command" in
    '')
      ${reply([...commands.map(({ name }) => name), ...flagsOf(own)])}
      ;;
    help)
      ${reply(commands.map(({ name }) => name))}
      ;;
${cases.filter((text) => !text.startsWith('    help)')).join('\n')}
  esac
}
complete -o filenames -F _fargo_wasm fargo-wasm
`;
}

/** Words apart by newlines, as the script's IFS has it: names of files may have spaces. */
function reply(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W $'${words.join('\\n')}' -- "$current"))`;
}

function zshScript(commands: readonly Described[], own: readonly Option[]): string {
  const names = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  const cases = commands.map(({ name, options, choices, takesArgument }) => {
    const specs = options.flatMap(zshOption);
    if (name === 'run' || name === 'diff') specs.push("'1:module:_files'", "'*::argument:_files'");
    else if (name === 'cp') specs.push("'1:from:_files'", "'2:to:_files'");
    else if (choices !== undefined) specs.push(quote(`1:${name}:(${choices.join(' ')})`));
    else if (name === 'help') specs.push(quote(`1:command:(${commands.map((each) => each.name).join(' ')})`));
    else if (takesArgument) specs.push("'1:module:_files'");
    return `      ${name}) _arguments -s -S ${specs.join(' ')} ;;`;
  });
  return `#compdef fargo-wasm
# zsh completion for fargo-wasm
_fargo_wasm() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  local curcontext=$curcontext state line
  _arguments -C ${own.flatMap(zshOption).join(' ')} '1: :->command' '*:: :->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${cases.join('\n')}
      esac
      ;;
  esac
}
if [ "$funcstack[1]" = _fargo-wasm ]; then _fargo_wasm "$@"; else compdef _fargo_wasm fargo-wasm; fi
`;
}

function zshOption(option: Option): string[] {
  const { short, long, description } = option;
  const text = description
    .replaceAll('\\', '\\\\')
    .replaceAll('[', '\\[')
    .replaceAll(']', '\\]')
    .replaceAll(':', '\\:');
  const value = takesValue(option) ? `:value:${takesPath(option) ? '_files' : ' '}` : '';
  return [short, long].filter((flag) => flag !== undefined).map((flag) => quote(`*${flag}[${text}]${value}`));
}

function fishScript(commands: readonly Described[], own: readonly Option[]): string {
  const lines = ['# fish completion for fargo-wasm', 'complete -c fargo-wasm -f'];
  const fish = (condition: string, rest: string): void =>
    void lines.push(`complete -c fargo-wasm -n ${quote(condition)} ${rest}`);
  for (const option of own) fish('__fish_use_subcommand', fishOption(option));
  for (const { name, summary } of commands) fish('__fish_use_subcommand', `-a ${name} -d ${quote(summary)}`);
  for (const { name, options, choices, takesArgument } of commands) {
    const within = `__fish_seen_subcommand_from ${name}`;
    for (const option of options) fish(within, fishOption(option));
    if (choices !== undefined) fish(within, `-a ${quote(choices.join(' '))}`);
    else if (name === 'help') fish(within, `-a ${quote(commands.map((each) => each.name).join(' '))}`);
    else if (takesArgument) fish(within, '-F');
  }
  return `${lines.join('\n')}\n`;
}

function fishOption(option: Option): string {
  const { short, long, description } = option;
  const parts = [
    short === undefined ? '' : `-s ${short.slice(1)}`,
    long === undefined ? '' : `-l ${long.slice(2)}`,
    takesValue(option) ? (takesPath(option) ? '-r -F' : '-x') : '',
    `-d ${quote(description)}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/** A word for a shell, in single quotes. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
