/** The revision that a snapshot, or a file in it, belongs to by its path in a Hugging Face cache: `.../models--org--name/snapshots/<commit>/...`. */
export function revisionOfPath(path: string): { repo: string; commit: string } | null {
  const [, name, commit] = /\/models--([^/]+)\/snapshots\/([0-9a-f]{40})(?:\/|$)/.exec(path) ?? []
  return name === undefined || commit === undefined ? null : { repo: name.replaceAll('--', '/'), commit }
}
