/** Words that every shell leaves as they are. A leading `=` or `~` would be expanded by zsh. */
const PLAIN = /^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*$/

/** One word as a POSIX shell reads it back, character for character. A NUL character cannot be in any argument: flags refuse it. */
export function shellWord(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** A command over several lines: the program first, then one group of words a line. */
export function shellLines(groups: readonly (readonly string[])[]): string {
  return `${groups.map((words) => words.map(shellWord).join(' ')).join(' \\\n  ')}\n`
}

/** Groups the words of a command so that each flag stands in a line with its values. */
export function byFlag(words: readonly string[]): string[][] {
  const groups: string[][] = []
  for (const word of words) {
    const last = groups.at(-1)
    if (last === undefined || word.startsWith('-')) groups.push([word])
    else last.push(word)
  }
  return groups
}

/** A line that shells and YAML skip, whatever is in it: nothing in it can begin another line. */
export function commentLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return `# ${text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ')}\n`
}
