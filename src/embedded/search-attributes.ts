import { setTimeout as sleep } from 'node:timers/promises'
import { isGrpcServiceError, type Connection } from '@temporalio/client'
import { AimError, isAimError } from '../contracts/errors.js'
import { SEARCH_ATTRIBUTES } from '../contracts/search-attributes.js'

const USABLE_WITHIN_MS = 90_000

type Services = Pick<Connection, 'operatorService' | 'workflowService'>

/** Numbers of Temporal's `IndexedValueType` and of gRPC's status codes; the packages that name them are not ours to import. */
const KEYWORD = 2
const GRPC = { invalidArgument: 3, alreadyExists: 6, permissionDenied: 7, unimplemented: 12, unauthenticated: 16 } as const

/**
 * Registers what our flows are found by and the namespace lacks. Safe to repeat and to run twice at once.
 * @throws AimError `SearchAttributesMissing` when we may not, or when a name is taken by another type.
 */
export async function ensureSearchAttributes(connection: Services, namespace: string): Promise<void> {
  const known = await listed(connection, namespace)
  if (known === null) return assertUsable(connection, namespace)
  const missing = SEARCH_ATTRIBUTES.filter((name) => known[name] === undefined)
  const wrong = SEARCH_ATTRIBUTES.filter((name) => known[name] !== undefined && known[name] !== KEYWORD)
  if (wrong.length > 0) throw lacking(namespace, wrong, 'they exist with another type than Keyword')
  if (missing.length === 0) return
  await add(connection, namespace, missing)
  await untilUsable(connection, namespace)
}

/** Types by name; null where listing is not for us, as on clusters that are managed for many. */
async function listed({ operatorService }: Services, namespace: string): Promise<Record<string, number> | null> {
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace })
    return customAttributes
  } catch (error) {
    if (isRefusal(error)) return null
    throw error
  }
}

async function add({ operatorService }: Services, namespace: string, names: string[]): Promise<void> {
  try {
    await operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(names.map((name) => [name, KEYWORD])) })
  } catch (error) {
    if (hasCode(error, [GRPC.alreadyExists])) return // another process of ours was first
    if (isRefusal(error)) throw lacking(namespace, names, 'we may not add them', error)
    throw error
  }
}

/** A cluster's parts learn of new attributes within its cache time, a minute by default. */
async function untilUsable(connection: Services, namespace: string): Promise<void> {
  for (const deadline = Date.now() + USABLE_WITHIN_MS; ; await sleep(100)) {
    try {
      return await assertUsable(connection, namespace)
    } catch (error) {
      if (!isAimError(error) || Date.now() > deadline) throw error
    }
  }
}

/** A query that names an unknown attribute is refused, and asking needs no more than the right to read. */
async function assertUsable({ workflowService }: Services, namespace: string): Promise<void> {
  const query = SEARCH_ATTRIBUTES.map((name) => `${name} = 'none'`).join(' AND ')
  try {
    await workflowService.countWorkflowExecutions({ namespace, query })
  } catch (error) {
    if (!hasCode(error, [GRPC.invalidArgument])) throw error
    const named = SEARCH_ATTRIBUTES.filter((name) => error.details.includes(name))
    throw lacking(namespace, named.length > 0 ? named : [...SEARCH_ATTRIBUTES], 'they are not known there', error)
  }
}

function lacking(namespace: string, names: string[], reason: string, cause?: unknown): AimError {
  const flags = names.map((name) => `--name ${name} --type Keyword`).join(' ')
  return new AimError('SearchAttributesMissing', { namespace, names: names.join(', '), reason, flags }, { cause })
}

const isRefusal = (error: unknown): boolean => hasCode(error, [GRPC.permissionDenied, GRPC.unimplemented, GRPC.unauthenticated])

function hasCode(error: unknown, codes: number[]): error is Error & { details: string } {
  return isGrpcServiceError(error) && codes.includes(error.code)
}
