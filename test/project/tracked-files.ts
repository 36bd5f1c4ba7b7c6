import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Paths of all files that belong to the project: tracked, or new and not ignored. */
export function projectFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'], {
    encoding: 'utf8',
  })
  const deleted = execFileSync('git', ['ls-files', '-z', '--deleted'], { encoding: 'utf8' }).split('\0')
  return listed.split('\0').filter((file) => file !== '' && !deleted.includes(file))
}

/** The text of a file, or null for a binary one. */
export function textOf(file: string): string | null {
  const content = readFileSync(file)
  return content.includes(0) ? null : content.toString('utf8')
}
