/** A setup file of vitest: a test file begins when the Temporal server is there. No limit of a test or hook runs meanwhile. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { inject } from 'vitest'
import { temporalAddress } from './temporal-address.js'

while (!existsSync(inject('temporalStart'))) await sleep(100)
temporalAddress() // throws when it could not be had: each file that needs it fails with the reason
