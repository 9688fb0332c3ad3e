#compdef fargo-wasm
# zsh completion for fargo-wasm
_fargo_wasm() {
  local -a commands
  commands=(
    'fork:fork a warm guest many times and say what it costs'
    'run:run a WASI command'
    'diff:list the files that a command, or a machine, has changed'
    'cp:copy files into a snapshot, or out of it'
    'inspect:say what a module is and what instrumenting it costs'
    'bench:measure forks against booting and copying, several times'
    'completion:print completions for a shell'
    'help:display help for command'
  )
  local curcontext=$curcontext state line
  _arguments -C '*-V[print the version]' '*--version[print the version]' '*-h[display help for command]' '*--help[display help for command]' '1: :->command' '*:: :->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
      fork) _arguments -s -S '*-n[children]:value: ' '*--count[children]:value: ' '*--boot[a call that warms the guest before the snapshot; repeatable]:value: ' '*--call[the call to make in each child]:value: ' '*--headroom[make the guest'\''s allocator extend its heap before the snapshot]:value: ' '*--no-compare[leave out booting and copying]' '*--json[figures for machines]' '*--budget[units of work that a call may use\: about one an instruction (default\: 10G)]:value: ' '*--no-budget[no limit of work, and of nesting only what the engine has; faster]' '*--max-depth[calls that may nest (default\: 10000; needs the budget)]:value: ' '*--max-memory[the guest'\''s memory, at most, such as 64MiB (default\: what the module declares)]:value: ' '*--dir[a directory for the guest\: writes stay in the machine; repeatable]:value:_files' '*--env[a variable for the guest, by default with the host'\''s value; repeatable]:value: ' '*--unknown-imports-trap[an import that nothing provides is a function that fails when it is called]' '*-h[display help for command]' '*--help[display help for command]' '1:module:_files' ;;
      run) _arguments -s -S '*--stdin[what the guest reads, instead of our standard input]:value:_files' '*--invoke[call this export, instead of _start, and print its results]:value: ' '*--budget[units of work that a call may use\: about one an instruction (default\: 1T)]:value: ' '*--no-budget[no limit of work, and of nesting only what the engine has; faster]' '*--max-depth[calls that may nest (default\: 10000; needs the budget)]:value: ' '*--max-memory[the guest'\''s memory, at most, such as 64MiB (default\: what the module declares)]:value: ' '*--dir[a directory for the guest\: writes stay in the machine; repeatable]:value:_files' '*--env[a variable for the guest, by default with the host'\''s value; repeatable]:value: ' '*--unknown-imports-trap[an import that nothing provides is a function that fails when it is called]' '*-h[display help for command]' '*--help[display help for command]' '1:module:_files' '*::argument:_files' ;;
      diff) _arguments -s -S '*--since[the snapshot to compare with]:value:_files' '*--tar[write the difference as a layer of a container image; - is standard output]:value:_files' '*--json[the list for machines]' '*--budget[units of work that a call may use\: about one an instruction (default\: 1T)]:value: ' '*--no-budget[no limit of work, and of nesting only what the engine has; faster]' '*--max-depth[calls that may nest (default\: 10000; needs the budget)]:value: ' '*--max-memory[the guest'\''s memory, at most, such as 64MiB (default\: what the module declares)]:value: ' '*--dir[a directory for the guest\: writes stay in the machine; repeatable]:value:_files' '*--env[a variable for the guest, by default with the host'\''s value; repeatable]:value: ' '*--unknown-imports-trap[an import that nothing provides is a function that fails when it is called]' '*-h[display help for command]' '*--help[display help for command]' '1:module:_files' '*::argument:_files' ;;
      cp) _arguments -s -S '*-h[display help for command]' '*--help[display help for command]' '1:from:_files' '2:to:_files' ;;
      inspect) _arguments -s -S '*--json[the facts for machines]' '*-h[display help for command]' '*--help[display help for command]' '1:module:_files' ;;
      bench) _arguments -s -S '*-n[children in each round]:value: ' '*--count[children in each round]:value: ' '*--rounds[rounds]:value: ' '*--boot[a call that warms the guest before the snapshot; repeatable]:value: ' '*--call[the call to make in each child]:value: ' '*--headroom[make the guest'\''s allocator extend its heap before the snapshot]:value: ' '*--json[figures for machines]' '*--budget[units of work that a call may use\: about one an instruction (default\: 10G)]:value: ' '*--no-budget[no limit of work, and of nesting only what the engine has; faster]' '*--max-depth[calls that may nest (default\: 10000; needs the budget)]:value: ' '*--max-memory[the guest'\''s memory, at most, such as 64MiB (default\: what the module declares)]:value: ' '*--dir[a directory for the guest\: writes stay in the machine; repeatable]:value:_files' '*--env[a variable for the guest, by default with the host'\''s value; repeatable]:value: ' '*--unknown-imports-trap[an import that nothing provides is a function that fails when it is called]' '*-h[display help for command]' '*--help[display help for command]' '1:module:_files' ;;
      completion) _arguments -s -S '*-h[display help for command]' '*--help[display help for command]' '1:completion:(bash zsh fish)' ;;
      help) _arguments -s -S '1:command:(fork run diff cp inspect bench completion help)' ;;
      esac
      ;;
  esac
}
if [ "$funcstack[1]" = _fargo-wasm ]; then _fargo_wasm "$@"; else compdef _fargo_wasm fargo-wasm; fi
