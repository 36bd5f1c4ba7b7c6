import type { AimClient, EndpointStatus } from '../client/types.js'
import { AimError, isAimError } from '../contracts/errors.js'

/** The endpoint of that name. Throws NotFound with the names that are close to it. */
export async function knownEndpoint(client: AimClient, name: string): Promise<EndpointStatus> {
  try {
    return await client.endpoint(name)
  } catch (error) {
    if (!isAimError(error) || error.code !== 'NotFound') throw error
    const near = closest(
      name,
      (await client.endpoints()).map(({ endpoint }) => endpoint),
    )
    throw new AimError(
      'NotFound',
      { what: `endpoint ${name}`, ...(near.length > 0 && { 'did you mean': near.join(', ') }) },
      { cause: error },
    )
  }
}

/** Names that differ in at most a third of their letters, the nearest first. */
export function closest(name: string, names: string[]): string[] {
  return names
    .map((each) => ({ each, distance: editDistance(name, each) }))
    .filter(({ each, distance }) => distance <= Math.max(1, Math.floor(Math.max(name.length, each.length) / 3)) || each.startsWith(name))
    .toSorted((a, b) => a.distance - b.distance || (a.each < b.each ? -1 : 1))
    .slice(0, 3)
    .map(({ each }) => each)
}

/** Letters to insert, delete or replace to make one word of the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1]
    for (const [j, other] of Array.from(b).entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}
