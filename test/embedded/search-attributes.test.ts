import { ServiceError } from '@temporalio/client'
import { msToTs } from '@temporalio/common/lib/time.js'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes.js'
import { ensureSearchAttributes } from '../../src/embedded/search-attributes.js'
import { testEnvironment, type TestEnvironment } from '../support/temporal.js'

let environment: TestEnvironment
beforeAll(async () => {
  environment = await testEnvironment()
})
afterAll(() => environment.close())

test('what is missing in a namespace is added, and asking again or twice at once changes nothing', async () => {
  const namespace = await newNamespace({ AimState: 2, OfTheUser: 1 })
  await Promise.all([ensure(namespace), ensure(namespace)])
  await ensure(namespace)
  const { customAttributes } = await environment.connection.operatorService.listSearchAttributes({ namespace })
  expect(customAttributes).toMatchObject({ ...Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 2])), OfTheUser: 1 })
})

test('a name that is taken by another type is refused with its name', async () => {
  const namespace = await newNamespace({ AimState: 1 })
  await expect(ensure(namespace)).rejects.toMatchObject({ code: 'SearchAttributesMissing', details: { namespace, names: 'AimState' } })
})

test('where we may list and not add, the error holds the command for who may', async () => {
  const namespace = await newNamespace({ AimState: 2 })
  const { connection } = environment
  const operatorService = Object.assign(Object.create(connection.operatorService), {
    addSearchAttributes: refuse,
  }) as typeof connection.operatorService
  const failure = ensureSearchAttributes({ workflowService: connection.workflowService, operatorService }, namespace)
  await expect(failure).rejects.toMatchObject({
    code: 'SearchAttributesMissing',
    fix: expect.stringContaining(`--namespace ${namespace} --name AimEndpoint --type Keyword`),
  })
})

test('where we may not even list, attributes that are there will do', async () => {
  const namespace = await newNamespace({})
  await ensure(namespace)
  const { connection } = environment
  const operatorService = Object.assign(Object.create(connection.operatorService), {
    listSearchAttributes: refuse,
  }) as typeof connection.operatorService
  await expect(ensureSearchAttributes({ workflowService: connection.workflowService, operatorService }, namespace)).resolves.toBeUndefined()
})

test('where we may not even list, attributes that are not there are named', async () => {
  const namespace = await newNamespace({})
  const { connection } = environment
  const operatorService = Object.assign(Object.create(connection.operatorService), {
    listSearchAttributes: refuse,
  }) as typeof connection.operatorService
  const failure = ensureSearchAttributes({ workflowService: connection.workflowService, operatorService }, namespace)
  await expect(failure).rejects.toMatchObject({ code: 'SearchAttributesMissing', details: { names: 'AimEndpoint' } })
})

const ensure = (namespace: string): Promise<void> => ensureSearchAttributes(environment.connection, namespace)

/** As a cluster answers that is managed for many: the embedded server permits everything. */
async function refuse(): Promise<never> {
  throw Object.assign(new ServiceError('7 PERMISSION_DENIED'), { code: 7, details: 'Request unauthorized.', metadata: {} })
}

/** A namespace of the test's own with these attributes; the server's parts know a new one after a moment. */
async function newNamespace(searchAttributes: Record<string, number>): Promise<string> {
  const namespace = `test-${crypto.randomUUID()}`
  const { workflowService, operatorService } = environment.connection
  await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('1 day') })
  await vi.waitFor(() => operatorService.listSearchAttributes({ namespace }), 20_000)
  if (Object.keys(searchAttributes).length > 0) await operatorService.addSearchAttributes({ namespace, searchAttributes })
  return namespace
}
