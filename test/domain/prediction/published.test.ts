import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { CatalogueFile } from '../../../src/contracts/catalogue-file.js'
import { cardsOf, HardwareFile } from '../../../src/contracts/hardware-file.js'
import { roofline } from '../../../src/domain/prediction/roofline.js'
import { FITTED, HELD_OUT, type Series } from './published.js'

const yamlOf = (path: string): unknown => parse(readFileSync(new URL(`../../../recipes/${path}`, import.meta.url), 'utf8'))
const cards = cardsOf(HardwareFile.parse(yamlOf('hardware.yaml')))

type Row = Series['rows'][number]

function modelOf({ model, precision }: Series) {
  if (typeof model !== 'string') return model
  const { shape, variants } = CatalogueFile.parse(yamlOf(`models/${model}.yaml`))
  const weightBytes = variants.find((variant) => variant.precision === precision)?.weightBytes
  if (weightBytes === undefined) throw new Error(`${model} has no ${precision} weights`)
  return { shape, weightBytes }
}

/** Predicted by measured, of each row of a series. */
function ratios(series: Series): { row: Row; ratio: number }[] {
  const card = cards.find(({ name }) => name === series.card)
  if (card === undefined) throw new Error(`no card ${series.card}`)
  const { shape, weightBytes } = modelOf(series)
  const variant = { weightBytes, precision: series.precision }
  const parallel = { tensor: series.tensor, pipeline: 1, data: 1, expert: false }
  return series.rows.map((row) => {
    const speed = roofline({ shape, variant, card, share: 1, parallel, kvBytesPerElement: 2 }, row)
    if (speed === null) throw new Error(`no prediction of ${series.name}`)
    if ('ttftMs' in row) return { row, ratio: speed.ttftMs / row.ttftMs }
    if ('decodeTokensPerSecond' in row) return { row, ratio: speed.decodeTokensPerSecond / row.decodeTokensPerSecond }
    return { row, ratio: speed.outputTokensPerSecond / row.outputTokensPerSecond }
  })
}

const isTtft = ({ row }: { row: Row }) => 'ttftMs' in row
const rates = (series: Series) => ratios(series).filter((of) => !isTtft(of))
const distance = ({ ratio }: { ratio: number }) => Math.abs(Math.log2(ratio))

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]]
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2
}

const percent = (ratio: number) => Math.round((ratio - 1) * 100)

test('of the series that nothing was fitted to, half of the rates are within 20 % and all but one within a factor of two', () => {
  const errors = HELD_OUT.flatMap(rates).map(distance)
  expect(errors.length).toBe(42)
  expect(median(errors)).toBeLessThan(Math.log2(1.2))
  expect(errors.filter((error) => error > 1)).toHaveLength(1)
})

test('where every series weighs alike, the held-out ones are as good as those that were fitted', () => {
  const ofSeries = (series: Series) => median(rates(series).map(distance))
  expect(median(HELD_OUT.map(ofSeries))).toBeLessThan(Math.log2(1.3))
  expect(median(FITTED.map(ofSeries))).toBeLessThan(Math.log2(1.4))
})

test('the rates of all series together lean neither way by more than a fifth', () => {
  const middle = (part: Series[]) => median(part.flatMap(rates).map(({ ratio }) => Math.log2(ratio)))
  expect(Math.abs(middle([...FITTED, ...HELD_OUT]))).toBeLessThan(Math.log2(1.2))
})

/** The table of docs/selection.md: least and most that a rate is off by, in percent, so that no change of a constant goes unseen. */
const ERRORS: [series: string, least: number, most: number][] = [
  ['DeepSeek-R1-0528, vLLM with ATOM, 8 x MI355X', -40, -22],
  ['DeepSeek-V3, SGLang, 8 x MI300X', 89, 212],
  ['DeepSeek-V3.1, SGLang, 8 x MI300X', 38, 90],
  ['Llama-3.1-405B, vLLM 0.10.0 by AMD, 8 x MI300X', -38, 11],
  ['Llama-3.1-405B, vLLM of 2024 by Oracle, 8 x MI300X', -25, 11],
  ['Llama-3.1-70B, vLLM 0.10.0 by AMD, 8 x MI300X', -30, -12],
  ['Llama-3.3-70B, llm-d, 8 x MI355X', 2, 2],
  ['Llama-4-Maverick, SGLang, 8 x MI300X', -28, 2],
  ['Llama-4-Scout, SGLang, 8 x MI300X', -31, 42],
  ['MiniMax-M2, SGLang, 4 x MI300X', 32, 69],
  ['Ministral-3-3B, vLLM, 1 x MI300X', -5, -5],
  ['Ministral-3-8B, vLLM, 1 x MI300X', 9, 9],
  ['Qwen3-Coder-480B, SGLang, 8 x MI300X', 26, 42],
  ['Qwen3Guard-Gen-8B, vLLM, 1 x MI300X', -20, -20],
]

test.each(ERRORS)('%s is off by %d to %d %%', (name, least, most) => {
  const series = [...FITTED, ...HELD_OUT].find((one) => one.name === name)
  const errors = (series ? rates(series) : []).map(({ ratio }) => percent(ratio))
  expect([Math.min(...errors), Math.max(...errors)]).toEqual([least, most])
})

test('every series is in the table', () => {
  expect(ERRORS.map(([name]) => name).toSorted()).toEqual([...FITTED, ...HELD_OUT].map(({ name }) => name).toSorted())
})

test('the time to the first token is no better known than within a factor of four, but for one cold run', () => {
  const errors = [...FITTED, ...HELD_OUT].flatMap(ratios).filter(isTtft).map(distance)
  expect(errors).toHaveLength(8)
  expect(errors.filter((error) => error > 2)).toHaveLength(1)
})
