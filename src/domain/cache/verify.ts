/** What a verification found. `skipped` are files whose name tells no digest. */
export type VerifyReport = {
  checkedFiles: number
  checkedBytes: number
  skipped: { repo: string; path: string; why: string }[]
  bad: {
    repo: string
    commit: string
    path: string
    digest: string
    actual: string
    state: 'wrong' | 'repaired' | 'removed'
    why: string | null
  }[]
}
