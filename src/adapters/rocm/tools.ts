import type { Card } from '../../domain/hardware.js'
import { readAmdSmi, type AmdSmiTexts } from './amd-smi.js'
import { readRocmSmi } from './rocm-smi.js'
import { readRocminfo } from './rocminfo.js'
import type { RunTool } from './run-tool.js'
import type { Problem, Report } from './sighting.js'

/** The files of a capture that hold what a tool prints, and the call that prints it. */
export const TOOLS = {
  'amd-smi-list.json': ['amd-smi', 'list', '--json'],
  'amd-smi-static.json': ['amd-smi', 'static', '--json'],
  'amd-smi-metric.json': ['amd-smi', 'metric', '--json'],
  'amd-smi-version.json': ['amd-smi', 'version', '--json'],
  'amd-smi-process.json': ['amd-smi', 'process', '--json'],
  'rocm-smi.json': ['rocm-smi', '-a', '--showmeminfo', 'vram', '--json'],
  'rocminfo.txt': ['rocminfo'],
} as const

export type ToolFile = keyof typeof TOOLS
export type ToolTexts = Partial<Record<ToolFile, string>>

export const TOOL_FILES = Object.keys(TOOLS) as ToolFile[]

/** What the tools say, from the texts that there are. */
export function readTools(texts: ToolTexts, cards: readonly Card[]): Report[] {
  const verbs = ['list', 'static', 'metric', 'version', 'process'] as const
  const told = verbs.flatMap((verb) => {
    const text = texts[`amd-smi-${verb}.json`]
    return text === undefined ? [] : [[verb, text] as const]
  })
  const rocmSmi = texts['rocm-smi.json']
  const rocminfo = texts['rocminfo.txt']
  return [
    ...(told.length > 0 ? [readAmdSmi(Object.fromEntries(told) as AmdSmiTexts)] : []),
    ...(rocmSmi === undefined ? [] : [readRocmSmi(rocmSmi, new Set(cards.flatMap(({ deviceIds }) => deviceIds)))]),
    ...(rocminfo === undefined ? [] : [readRocminfo(rocminfo)]),
  ]
}

/** Runs these tools, all at once. A tool that is not installed is left out; one that hangs is a problem. */
export async function runTools(run: RunTool, files: readonly ToolFile[]): Promise<{ texts: ToolTexts; problems: Problem[] }> {
  const texts: ToolTexts = {}
  const problems: Problem[] = []
  await Promise.all(
    files.map(async (file) => {
      const [program, ...argv] = TOOLS[file]
      const result = await run(program, argv)
      if (result === null) return
      if ('failure' in result) problems.push({ code: 'tool_failed', message: `${[program, ...argv].join(' ')} ${result.failure}` })
      else if (result.stdout.trim() === '')
        problems.push({ code: 'tool_failed', message: `${[program, ...argv].join(' ')} ended with ${result.exit} and printed nothing` })
      else texts[file] = result.stdout
    }),
  )
  return { texts, problems: problems.toSorted((a, b) => (a.message < b.message ? -1 : 1)) }
}
