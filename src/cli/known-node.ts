import type { AimClient } from '../client/types.js'
import { AimError, isAimError } from '../contracts/errors.js'
import { NodeId } from '../contracts/names.js'
import { checked } from './checked.js'
import { closest } from './known-endpoint.js'
import { z } from 'zod'

const Named = z.strictObject({ node: NodeId })

/** The name of a node as it was typed. Throws InvalidInput before anything is asked of the cluster. */
export const nodeArgument = (name = ''): string => checked(Named, { node: name }, { node: 'NODE' }).node

/** Asks something of a node. Throws NoSuchNode with the names that are close to it. */
export async function checkedNode<T>(client: AimClient, nodeId: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!isAimError(error) || error.code !== 'NoSuchNode') throw error
    const near = closest(nodeId, await client.nodes())
    throw new AimError('NoSuchNode', { node: nodeId, ...(near.length > 0 && { 'did you mean': near.join(', ') }) }, { cause: error })
  }
}
