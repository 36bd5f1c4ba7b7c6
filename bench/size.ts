import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './figure.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BAR_MB = 450

/** What an installation for use takes on disk: production dependencies alone. */
export const size: Bench = {
  name: 'size',
  about: 'installed size of the production dependencies',
  async run(note) {
    const folder = mkdtempSync(join(tmpdir(), 'aim-size-'))
    try {
      for (const name of ['package.json', 'package-lock.json', '.npmrc']) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
      note('npm ci --omit=dev into an empty folder')
      execFileSync('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'ignore' })
      const kib = Number(execFileSync('du', ['-sk', join(folder, 'node_modules')], { encoding: 'utf8' }).split('\t')[0])
      const value = Math.round(kib / 1024)
      return [{ name: 'production dependencies', value, unit: 'MB', peer: null, bar: `<= ${BAR_MB} MB`, holds: value <= BAR_MB }]
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}
