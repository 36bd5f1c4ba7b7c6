import { TestWorkflowEnvironment } from '@temporalio/testing'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadSettings } from '../../src/config/load.js'
import { downloadBySdk } from '../../src/embedded/download.js'
import { runTool } from '../../src/embedded/run-tool.js'
import { underLock } from './tool-lock.js'

const VERSION = '1.32.0'
const MAVEN_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
const FAILURE_HOLDS_MS = 10 * 60_000

/**
 * A server that skips over timers, for workflows that sleep for days; or why this machine has none, for `test.skipIf`.
 * Time is one for the whole server: run the tests that use it one after the other, and tear it down at the end.
 */
export async function timeSkippingServer(): Promise<{ environment: TestWorkflowEnvironment } | { skipped: string }> {
  const program = await obtainTestServer()
  if ('skipped' in program) return program
  return {
    environment: await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path: program.path } },
    }),
  }
}

type Program = { path: string } | { skipped: string }

/** Kept in our cache, obtained once; a failure is remembered for ten minutes, so that one slow network costs one test file its time. */
export async function obtainTestServer(cacheDir = loadSettings().settings.cacheDir, ways = [bySdk, byMaven]): Promise<Program> {
  const folder = join(cacheDir, 'temporal-test-server', VERSION)
  const path = join(folder, 'server')
  if (existsSync(path)) return { path }
  return underLock(join(dirname(folder), 'lock'), async () => (existsSync(path) ? { path } : obtain(folder, ways)))
}

async function obtain(folder: string, ways: ((folder: string) => Promise<void>)[]): Promise<Program> {
  const failure = join(dirname(folder), 'failure')
  const remembered = await stat(failure).catch(() => null) // none yet
  if (remembered !== null && Date.now() - remembered.mtimeMs < FAILURE_HOLDS_MS) return { skipped: await readFile(failure, 'utf8') }
  const reasons: string[] = []
  for (const way of ways) {
    const unfinished = await mkdtemp(join(dirname(folder), '.unfinished-'))
    try {
      await way(unfinished)
      await rename(unfinished, folder)
      await rm(failure, { force: true })
      return { path: join(folder, 'server') }
    } catch (error) {
      reasons.push((error as Error).message)
      await rm(unfinished, { recursive: true })
    }
  }
  const skipped = `no time-skipping server: ${reasons.join('; ')}`
  await writeFile(failure, skipped)
  return { skipped }
}

async function bySdk(folder: string): Promise<void> {
  const program = await downloadBySdk(folder, { start: 'createTimeSkipping', version: 'default', timeoutMs: 20_000 })
  await rename(program, join(folder, 'server'))
}

/** The same server is published as a Java library: with what it needs (33 MB) and a script it is a program. */
async function byMaven(folder: string): Promise<void> {
  await runTool('java', ['-version'], { timeoutMs: 20_000 })
  const libraries = join(folder, 'lib')
  await mkdir(libraries)
  await writeFile(join(folder, 'pom.xml'), pom())
  const options = [`-DoutputDirectory=${libraries}`, '-DincludeScope=runtime']
  await runTool('mvn', ['-B', '-q', '--strict-checksums', '-f', join(folder, 'pom.xml'), MAVEN_PLUGIN, ...options], { timeoutMs: 300_000 })
  const script = join(folder, 'server')
  await writeFile(script, '#!/bin/sh\nexec java -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"\n')
  await chmod(script, 0o755)
}

function pom(): string {
  const project = '<modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>test-server</artifactId><version>1</version>'
  const dependency = `<groupId>io.temporal</groupId><artifactId>temporal-test-server</artifactId><version>${VERSION}</version>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">${project}<dependencies><dependency>${dependency}</dependency></dependencies></project>\n`
}
