import type { CommandSpec } from '../cli.js'
import { asDuration } from './common-options.js'

const NAME = { name: '<name>', about: 'name of the endpoint', complete: 'endpoint' } as const

/** The verbs about checks of one endpoint. */
export const HEALTH_COMMANDS: CommandSpec[] = [
  {
    name: 'health',
    about: 'check an endpoint now: process, what it says of itself, load, and a small request',
    more: 'Changes nothing: what is wrong is healed by the endpoint itself, whose watch looks all the time. Exit code 1: it does not answer.',
    arguments: [NAME],
    examples: [['aim health chat', 'the evidence for each replica']],
    load: async () => (await import('./health.js')).health,
  },
  {
    name: 'health schedule',
    about: 'check an endpoint again and again, and keep what was found in Temporal',
    more: 'Kept in Temporal as aim-health-NAME: it can be paused and started there too.',
    arguments: [NAME],
    options: [{ flags: '--every <duration>', about: 'how often: 5m, 1h', parse: asDuration }],
    examples: [['aim health schedule chat --every 5m', 'put it in force, or change it']],
    load: async () => (await import('./health.js')).scheduleHealth,
  },
  {
    name: 'health unschedule',
    about: 'end the schedule of an endpoint’s checks',
    arguments: [NAME],
    examples: [['aim health unschedule chat', '`aim health chat` still works by hand']],
    load: async () => (await import('./health.js')).unscheduleHealth,
  },
]
