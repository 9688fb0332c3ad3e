# bash completion for fargo-wasm
_fargo_wasm() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= word
  COMPREPLY=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  case "$command" in
    '')
      COMPREPLY=($(compgen -W 'fork run inspect bench completion help -V --version -h --help' -- "$current"))
      ;;
    help)
      COMPREPLY=($(compgen -W 'fork run inspect bench completion help' -- "$current"))
      ;;
    fork)
      case "$previous" in
        --dir) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -n|--count|--boot|--call|--headroom|--budget|--max-depth|--max-memory|--env) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W '-n --count --boot --call --headroom --no-compare --json --budget --no-budget --max-depth --max-memory --dir --env --unknown-imports-trap -h --help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    run)
      case "$previous" in
        --stdin|--dir) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --invoke|--budget|--max-depth|--max-memory|--env) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W '--stdin --invoke --budget --no-budget --max-depth --max-memory --dir --env --unknown-imports-trap -h --help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    inspect)
      case "$previous" in
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W '--json -h --help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    bench)
      case "$previous" in
        --dir) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -n|--count|--rounds|--boot|--call|--headroom|--budget|--max-depth|--max-memory|--env) return ;;
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W '-n --count --rounds --boot --call --headroom --json --budget --no-budget --max-depth --max-memory --dir --env --unknown-imports-trap -h --help' -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
    completion)
      case "$previous" in
      esac
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W '-h --help' -- "$current")); else COMPREPLY=($(compgen -W 'bash zsh fish' -- "$current")); fi
      ;;
  esac
}
complete -o filenames -F _fargo_wasm fargo-wasm
