/**
 * Whether the operator lets the code of this repository run. `policy` is a list of `org/name` or `org/*`, separated by commas; without
 * one, no code of a repository runs.
 */
export function allowsRemoteCode(policy: string | undefined, repo: string): boolean {
  const allowed = (policy ?? '').split(',').map((entry) => entry.trim().toLowerCase())
  const name = repo.toLowerCase()
  return allowed.some((entry) => entry === name || (entry.endsWith('/*') && name.startsWith(entry.slice(0, -1))))
}
