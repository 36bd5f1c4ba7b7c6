import { z } from 'zod'

/** Name of an endpoint: a DNS label, because it becomes a workflow id, a folder, a process key and later a host name. */
export const EndpointName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be 1 to 63 lower-case letters, digits or hyphens, and begin and end with a letter or digit',
  )

/** A model: a repository `org/name` on a hub. Never a path, never something a shell would read. */
export const ModelId = z
  .string()
  .max(96, 'must be at most 96 characters')
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be a repository `org/name` of letters, digits, `.`, `_` and `-`')
  .refine((id) => !id.includes('..') && !id.includes('--'), 'must not contain `..` or `--`')

/** A branch, tag or commit of a model repository. */
export const Ref = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, 'must be a branch, tag or commit')
  .refine((ref) => !ref.includes('..'), 'must not contain `..`')

/** A commit of a model repository: what every branch is pinned to before anything is fetched. */
export const Commit = z.string().regex(/^[0-9a-f]{40}$/, 'must be a commit of 40 hex digits')

/** A file inside a model repository: relative, with forward slashes, and never outside the repository. */
export const RepoPath = z
  .string()
  .min(1)
  .max(512)
  .refine(isInsideRepository, 'must be a relative path inside the repository, without `..`, `\\` or control characters')

/** A node of the cluster: the stable id its task queues are named after. */
export const NodeId = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/, 'must be 1 to 63 lower-case letters, digits, dots or hyphens')

export const RecipeId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,159}$/, 'must be the id of a recipe, as `aim recipes list` prints it')
  .refine((id) => !id.includes('..'), 'must not contain `..`')

export const Port = z.int().min(1024, 'must be 1024 or higher').max(65535, 'must be 65535 or lower')

/** True for a path that, joined to a folder, stays inside it on every file system. */
export function isInsideRepository(path: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(path) || path.startsWith('/')) return false
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}
