/**
 * A process of its own that brings a file by a program in place of hf, to be killed by a test.
 * Run as: node --import typescript-loader.mjs hf-program-child.ts <program> <endpoint> <path>
 */
import { hfProgramSource } from '../../src/adapters/sources/hf-program-source.js'
import { fileOf, MODEL } from '../adapters/sources/support.js'

const [program = '', endpoint = '', path = ''] = process.argv.slice(2)
await hfProgramSource({ program, endpoint, token: async () => null }).bring(MODEL, fileOf(Buffer.from('x')), path)
