import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { activityInfo, cancellationDetails } from '@temporalio/activity'
import { beating } from '../../activities/beat.js'

/** Where a flow stands still: at an activity, before its effect or after it, when the flow has not heard of it yet; `within`: in the middle. */
export type Place = { activity: string; when: 'before' | 'within' | 'after' }

const LOOK_MS = 20
const BEAT_MS = 500

const fileOf = (dir: string, endpoint: string, { activity, when }: Place) => join(dir, `${endpoint}.${activity}.${when}`)

/** Holds up a flow of an endpoint, also in another process: through files, so that a worker that is started again finds the hold there. */
export function holdUp(dir: string, endpoint: string, place: Place): { isReached: () => boolean; open: () => void } {
  const file = fileOf(dir, endpoint, place)
  mkdirSync(dir, { recursive: true })
  writeFileSync(file, '')
  return { isReached: () => existsSync(`${file}.reached`), open: () => rmSync(file, { force: true }) }
}

/** Waits while this place is held. `hears`: it ends when it is cancelled; one that does not has its effect late. */
export async function standAt(dir: string, endpoint: string, place: Place, hears: boolean): Promise<void> {
  const file = fileOf(dir, endpoint, place)
  if (!existsSync(file)) return
  writeFileSync(`${file}.reached`, '')
  await beating(BEAT_MS, async (signal) => {
    while (existsSync(file)) {
      if (hears || cancellationDetails()?.workerShutdown) signal.throwIfAborted()
      await delay(LOOK_MS)
    }
  })
}

/** The same activities; those of deploys and of stops stand still where they are held up. */
export function heldUp<T extends Record<string, (...args: never[]) => Promise<unknown>>>(dir: string, activities: T, hears: boolean): T {
  const held = Object.entries(activities).map(([activity, run]) => [
    activity,
    async (...args: never[]) => {
      const [kind, endpoint = ''] = activityInfo().workflowExecution?.workflowId.split('/') ?? []
      if (kind !== 'deploy' && kind !== 'undeploy') return run(...args)
      await standAt(dir, endpoint, { activity, when: 'before' }, hears)
      const answer = await run(...args)
      await standAt(dir, endpoint, { activity, when: 'after' }, hears)
      return answer
    },
  ])
  return Object.fromEntries(held) as T
}
