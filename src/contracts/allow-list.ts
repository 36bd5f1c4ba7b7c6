/** Whether the operator's list names this repository: `org/name` or `org/*`, separated by commas; without a list none is. */
export function isAllowed(policy: string | undefined, repo: string): boolean {
  const allowed = (policy ?? '').split(',').map((entry) => entry.trim().toLowerCase())
  const name = repo.toLowerCase()
  return allowed.some((entry) => entry === name || (entry.endsWith('/*') && name.startsWith(entry.slice(0, -1))))
}
