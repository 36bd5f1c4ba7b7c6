/** What a shell is to run once, so that Tab asks `aim __complete` for candidates: lines of `word<TAB>what it is`, or `:directory`. */
export const COMPLETION_SCRIPTS = {
  bash: `_aim() {
  local current="\${COMP_WORDS[COMP_CWORD]}" answer line word
  answer="$(aim __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" || return 0
  COMPREPLY=()
  if [[ $answer == :directory ]]; then
    compopt -o dirnames
    return 0
  fi
  while IFS= read -r line; do
    word="\${line%%$'\\t'*}"
    [[ -n $word && $word == "$current"* ]] && COMPREPLY+=("$word")
  done <<<"$answer"
  return 0
}
complete -F _aim aim
`,
  zsh: `#compdef aim
_aim() {
  local line
  local -a lines described
  lines=("\${(@f)$(aim __complete -- "\${(@)words[2,$CURRENT]}" 2>/dev/null)}")
  if [[ $lines[1] == :directory ]]; then
    _files -/
    return
  fi
  for line in $lines; do
    described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe aim described
}
compdef _aim aim
`,
  fish: `function __aim_complete
  set -l before (commandline -opc)
  set -l current (commandline -ct)
  set -l answer (aim __complete -- $before[2..-1] "$current" 2>/dev/null)
  if test "$answer" = :directory
    __fish_complete_directories "$current"
  else
    printf '%s\\n' $answer
  end
end
complete -c aim -f -a '(__aim_complete)'
`,
} as const

export type Shell = keyof typeof COMPLETION_SCRIPTS
