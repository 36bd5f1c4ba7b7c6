import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import { freePorts } from '../src/config/free-ports.js'
import type { EndpointView, Replica } from '../src/contracts/endpoint.js'
import { ENDPOINT_QUERY } from '../src/contracts/messages.js'
import { median, round, type Bench } from './figure.js'
import { ENDPOINT, withSampleStack } from './sample-stack.js'

const KILLS = 7
const BAR_S = 4
const BAR_DETECTION_S = 1
const LOOK_MS = 10
const LIMIT_MS = 60_000

/** From kill -9 of an engine to the next completed inference at the address that clients use. */
export const heal: Bench = {
  name: 'heal',
  about: 'an engine of the 135M model killed with -9, until it completes a request again; against a bare start of the same engine',
  run: (note) =>
    withSampleStack(async ({ address, aim, deploy }) => {
      const connection = await Connection.connect({ address })
      const endpoint = new Client({ connection }).workflow.getHandle(`endpoint/${ENDPOINT}`)
      const view = (): Promise<EndpointView> => endpoint.query<EndpointView>(ENDPOINT_QUERY)
      const times = { serving: [] as number[], seen: [] as number[], bare: [] as number[] }
      try {
        for (let kill = 0; kill < KILLS; kill += 1) {
          // Anew each time: restarts in a row would be delayed, as they should.
          if (kill > 0) await aim('stop', ENDPOINT)
          await deploy()
          const { replica } = await view()
          if (replica === null) throw new Error('nothing serves')
          const argv = readFileSync(`/proc/${replica.pid}/cmdline`, 'utf8').split('\0').slice(0, -1)
          const killed = performance.now()
          process.kill(replica.pid, 'SIGKILL')
          const [seen] = await Promise.all([
            until(async () => (await view()).phase !== 'serving').then(() => performance.now() - killed),
            // The old process takes its socket with it, so whoever answers is the next one.
            until(() => answers(replica.url)).then(() => times.serving.push((performance.now() - killed) / 1_000)),
          ])
          times.seen.push(seen / 1_000)
          times.bare.push((await bareStart(argv, replica)) / 1_000)
          note(`kill ${kill + 1}: seen ${last(times.seen)} s, serving again ${last(times.serving)} s, bare start ${last(times.bare)} s`)
        }
      } finally {
        await connection.close()
      }
      const [serving, seen, bare] = [median(times.serving), Math.max(...times.seen), median(times.bare)].map(round) as [
        number,
        number,
        number,
      ]
      const peer = { name: 'bare start of the same engine to its first answer', value: bare }
      return [
        {
          name: `engine killed -9 to serving again, ${KILLS} kills`,
          value: serving,
          unit: 's',
          peer,
          bar: `<= ${BAR_S} s`,
          holds: serving <= BAR_S,
        },
        {
          name: `engine killed -9 to detected, slowest of ${KILLS} kills`,
          value: seen,
          unit: 's',
          peer: null,
          bar: `<= ${BAR_DETECTION_S} s`,
          holds: seen <= BAR_DETECTION_S,
        },
      ]
    }),
}

/** Milliseconds of the very command on another port, from its start to its first answer. */
async function bareStart(argv: string[], { url }: Replica): Promise<number> {
  const [port = 0] = await freePorts(1)
  const old = new URL(url).port
  const [command = '', ...rest] = argv.map((word) => (word === old ? String(port) : word))
  const start = performance.now()
  const engine = spawn(command, rest, { stdio: 'ignore' })
  try {
    await until(() => answers(`http://127.0.0.1:${port}`))
    return performance.now() - start
  } finally {
    engine.kill('SIGKILL')
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const body = JSON.stringify({ model: ENDPOINT, prompt: 'ping', max_tokens: 1 })
    const answer = await fetch(`${url}/v1/completions`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false // nobody listens there yet
  }
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + LIMIT_MS
  while (!(await check())) {
    if (Date.now() > limit) throw new Error(`waited ${LIMIT_MS / 1_000} s`)
    await sleep(LOOK_MS)
  }
}

const last = (values: number[]): number => round(values.at(-1) ?? Number.NaN)
