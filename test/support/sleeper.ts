import { sleep } from '@temporalio/workflow'

/** Sleeps for 30 days. Milliseconds by the workflow's own clock. */
export async function sleeper(): Promise<number> {
  const begin = Date.now()
  await sleep('30 days')
  return Date.now() - begin
}
