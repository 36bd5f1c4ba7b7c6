import { z } from 'zod'
import type { FileDigest, ModelFile } from '../../contracts/model.js'
import { Commit, isInsideRepository, RepoPath } from '../../contracts/names.js'

const Size = z.int().min(0)
const Sha256 = z
  .string()
  .transform((text) => text.replace(/^sha256:/, ''))
  .pipe(z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256'))
const GitSha1 = z.string().regex(/^[0-9a-f]{40}$/, 'must be a git object id')

/** The tree listing says `oid` where the revision says `sha256`. */
const Lfs = z.object({ sha256: Sha256.optional(), oid: Sha256.optional(), size: Size.optional() })

/** `GET /api/models/{repo}/revision/{ref}?blobs=true`. Mirrors may leave out sizes and digests. */
export const RevisionAnswer = z.object({
  sha: Commit,
  siblings: z.array(z.object({ rfilename: z.string(), size: Size.nullish(), blobId: GitSha1.nullish(), lfs: Lfs.nullish() })),
})
export type RevisionAnswer = z.infer<typeof RevisionAnswer>

/** One page of `GET /api/models/{repo}/tree/{commit}?recursive=true`. */
export const TreeAnswer = z.array(
  z.object({ type: z.string(), path: z.string(), oid: z.string().nullish(), size: Size.nullish(), lfs: Lfs.nullish() }),
)
export type TreeAnswer = z.infer<typeof TreeAnswer>

/** The files of a revision; null when the hub left a size or a digest out. */
export function filesOfRevision(answer: RevisionAnswer): ModelFile[] | null {
  const files = answer.siblings.map((file) => modelFile(file.rfilename, file.size, file.blobId, file.lfs))
  return files.every((file) => file !== null) ? files : null
}

/** The files of one page of a tree. @throws Error naming the file without a size or digest. */
export function filesOfTree(answer: TreeAnswer): ModelFile[] {
  return answer
    .filter((entry) => entry.type === 'file')
    .map((entry) => {
      const oid = GitSha1.safeParse(entry.oid).data
      const file = modelFile(entry.path, entry.size, oid, entry.lfs)
      if (file === null) throw new Error(`no size or digest for ${JSON.stringify(entry.path)}`)
      return file
    })
}

type LfsAnswer = z.infer<typeof Lfs> | null | undefined

function modelFile(path: string, size: number | null | undefined, blobId: string | null | undefined, lfs: LfsAnswer): ModelFile | null {
  const sha256 = lfs?.sha256 ?? lfs?.oid
  const bytes = lfs?.size ?? size
  const digest: FileDigest | null = sha256 ? { kind: 'sha256', hex: sha256 } : blobId && !lfs ? { kind: 'git-sha1', hex: blobId } : null
  if (digest === null || bytes === null || bytes === undefined) return null
  return { path, size: bytes, digest }
}

/**
 * Why a listing must not be used, naming the file; null when it is fine. A hub is a stranger: its names become paths on this disk.
 */
export function hostileName(files: ModelFile[]): string | null {
  const paths = new Set<string>()
  for (const { path } of files) {
    const shown = JSON.stringify(path.slice(0, 200))
    if (!isInsideRepository(path)) return `the file name ${shown} leads out of the repository or holds control characters`
    if (!RepoPath.safeParse(path).success) return `the file name ${shown} is too long`
    if (paths.has(path)) return `the file ${shown} is listed twice`
    paths.add(path)
  }
  for (const path of paths) {
    const folder = foldersOf(path).find((name) => paths.has(name))
    if (folder !== undefined) return `${JSON.stringify(folder)} is both a file and a folder`
  }
  return null
}

function foldersOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}
