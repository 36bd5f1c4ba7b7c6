import type { VerifyReport } from '../../domain/cache/verify.js'
import { readStackFile } from '../../config/stack-file.js'
import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { Interrupted } from '../interrupt.js'
import { tableOf, type Column, type Report } from '../output/report.js'
import { bytes } from '../output/units.js'
import { chooseProgress } from '../progress/choose.js'

export type CacheVerifyOptions = { sample?: number; repair?: boolean }

type Bad = VerifyReport['bad'][number]

const COLUMNS: Column<Bad>[] = [
  { header: 'MODEL', value: ({ repo }) => repo, flexible: true },
  { header: 'FILE', value: ({ path }) => path, flexible: true },
  { header: 'STATE', value: ({ state }) => state, style: ({ state }) => (state === 'repaired' ? 'green' : 'red') },
  { header: 'EXPECTED', value: ({ digest }, { wide }) => (wide ? digest : digest.slice(0, 12)) },
  { header: 'FOUND', value: ({ actual }, { wide }) => (wide ? actual : actual.slice(0, 12)) },
  { header: 'WHY', value: ({ why }) => why, flexible: true },
]

const TELL_MS = 250

/** Ctrl-C ends it between two pieces of a file: what was proved is kept, and a repair that was begun leaves no wrong file behind. */
export async function cacheVerify(cli: Cli, [repo]: string[], { sample, repair = false }: CacheVerifyOptions): Promise<Report> {
  const { settings: own, paths } = await cli.configuration()
  // What is repaired comes from where a deploy would fetch it.
  const settings = { ...own, hubEndpoint: readStackFile(paths.stackFile)?.hubUrl ?? own.hubEndpoint }
  const { localCache } = await import('../../worker/local-cache.js')
  const { VerifyRequest } = await import('../../contracts/cache.js')
  const request = VerifyRequest.safeParse({ repo, repair, ...(sample !== undefined && { sampleBytes: sample }) })
  if (!request.success) throw new AimError('InvalidInput', { field: 'MODEL', rule: request.error.issues[0]?.message ?? 'is not valid' })
  const signal = cli.interrupts()
  try {
    const report = await localCache(settings, cli.note).cache.verify(request.data, { signal, onProgress: follow(cli) })
    return verifyReport(report)
  } catch (error) {
    if (!signal.aborted) throw error
    throw new Interrupted(['what was proved so far is kept: aim cache verify --sample SIZE goes on with the rest'])
  }
}

function follow(cli: Cli): (progress: { file: string; doneBytes: number; totalBytes: number }) => void {
  const renderer = chooseProgress(cli)
  const startedAt = new Date(cli.terminal.now()).toISOString()
  let last = 0
  return ({ file, doneBytes, totalBytes }) => {
    const now = cli.terminal.now()
    const isDone = doneBytes === totalBytes
    if (now - last < TELL_MS && !isDone) return
    last = now
    const ended = isDone ? { endedAt: new Date(now).toISOString() } : {}
    const steps = [{ step: 'verify', state: isDone ? 'done' : 'running', startedAt, ...ended } as const]
    renderer.update({ progress: { steps, bytes: { file, done: doneBytes, total: totalBytes } }, problem: null }, now)
    if (isDone) renderer.end(now)
  }
}

function verifyReport(report: VerifyReport): Report {
  const { checkedFiles, checkedBytes, bad, skipped } = report
  const wrong = bad.filter(({ state }) => state !== 'repaired')
  return {
    data: report,
    names: bad.map(({ repo, path }) => `${repo}/${path}`),
    text: (view) => (bad.length === 0 ? '' : tableOf(bad, COLUMNS, view)),
    notes: [
      `${checkedFiles} files, ${bytes(checkedBytes)}: ${bad.length === 0 ? 'all right' : `${bad.length} wrong, ${bad.length - wrong.length} repaired`}`,
      ...(skipped.length === 0 ? [] : [`${skipped.length} files tell no digest and were not checked: --json lists them`]),
      ...(wrong.some(({ state }) => state === 'wrong') ? ['to fetch them again: aim cache verify --repair'] : []),
    ],
    exit: wrong.length === 0 ? 0 : 1,
  }
}
