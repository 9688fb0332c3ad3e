# bash completion for fargo-wasm
_fargo_wasm() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= word IFS=$'\n'
  COMPREPLY=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  case "$command" in
    '')
      COMPREPLY=($(compgen -W $'fork\nrun\ndiff\ncp\ninspect\nbuild\nbench\ndemo\ncompletion\nhelp\n-V\n--version\n-h\n--help' -- "$current"))
      ;;
    help)
      COMPREPLY=($(compgen -W $'fork\nrun\ndiff\ncp\ninspect\nbuild\nbench\ndemo\ncompletion\nhelp' -- "$current"))
      ;;
    fork)
      case "$previous" in
        --dir|--disk|--disk-backing) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -n|--count|--boot|--call|--headroom|--save|--budget|--max-depth|--max-memory|--disk-quota|--env) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W $'-n\n--count\n--boot\n--call\n--headroom\n--save\n--no-compare\n--json\n--budget\n--no-budget\n--max-depth\n--max-memory\n--dir\n--disk\n--disk-backing\n--disk-quota\n--env\n--unknown-imports-trap\n-h\n--help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    run)
      case "$previous" in
        --stdin|--save-disk|--dir|--disk|--disk-backing) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --invoke|--budget|--max-depth|--max-memory|--disk-quota|--env) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W $'--stdin\n--invoke\n--save-disk\n--budget\n--no-budget\n--max-depth\n--max-memory\n--dir\n--disk\n--disk-backing\n--disk-quota\n--env\n--unknown-imports-trap\n-h\n--help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    diff)
      case "$previous" in
        --since|--tar|--dir|--disk|--disk-backing) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --budget|--max-depth|--max-memory|--disk-quota|--env) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W $'--since\n--tar\n--json\n--budget\n--no-budget\n--max-depth\n--max-memory\n--dir\n--disk\n--disk-backing\n--disk-quota\n--env\n--unknown-imports-trap\n-h\n--help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    cp)
      case "$previous" in
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W $'-h\n--help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    inspect)
      case "$previous" in
        --types) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W $'--json\n--types\n-h\n--help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    build)
      case "$previous" in
        -o|--output|--wit) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --world) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W $'-o\n--output\n--wit\n--world\n--print-wit\n--allow-entropy\n--no-cache\n-h\n--help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    bench)
      case "$previous" in
        --dir|--disk|--disk-backing) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -n|--count|--rounds|--boot|--call|--headroom|--budget|--max-depth|--max-memory|--disk-quota|--env) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W $'-n\n--count\n--rounds\n--boot\n--call\n--headroom\n--json\n--budget\n--no-budget\n--max-depth\n--max-memory\n--dir\n--disk\n--disk-backing\n--disk-quota\n--env\n--unknown-imports-trap\n-h\n--help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    demo)
      case "$previous" in
        -n|--count|--port) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W $'-n\n--count\n--json\n--serve\n--port\n-h\n--help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    completion)
      case "$previous" in
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W $'-h\n--help' -- "$current")); else COMPREPLY=($(compgen -W $'bash\nzsh\nfish' -- "$current")); fi
      ;;
  esac
}
complete -o filenames -F _fargo_wasm fargo-wasm
