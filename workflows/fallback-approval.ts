import { condition, defineQuery, defineUpdate, setCurrentDetails, setHandler } from '@temporalio/workflow'
import { APPROVAL_QUERY, APPROVE_UPDATE, ApprovalAnswer, REJECT_UPDATE, type ApprovalView } from '../src/contracts/fallback.js'
import type { Approval } from '../src/contracts/fallback-policy.js'
import type { Candidate } from '../src/domain/plan.js'
import { failure, parseInput } from './input.js'

/** Asks a person, by update: the CLI, or the Temporal UI. */
export class ApprovalDesk {
  private open: ApprovalView = null
  private answer: { yes: boolean; reason: string } | null = null

  constructor() {
    setHandler(defineQuery<ApprovalView>(APPROVAL_QUERY), () => this.open)
    this.onAnswer(APPROVE_UPDATE, true)
    this.onAnswer(REJECT_UPDATE, false)
  }

  /** No answer within the time is a no. `asked` is called with the question, and with null when it waits no more. */
  async ask(
    changes: string[],
    candidate: Candidate,
    { minutes }: Approval,
    asked: (view: ApprovalView) => void,
  ): Promise<{ yes: boolean; reason: string }> {
    const question = `${changes.join('; ')} (${candidate.recipe} on ${candidate.node})`
    const until = new Date(Date.now() + minutes * 60_000).toISOString()
    this.answer = null
    this.open = { question, changes, candidate, until }
    asked(this.open)
    setCurrentDetails(`waits until ${until} for an answer: ${question}`)
    try {
      await condition(() => this.answer !== null, minutes * 60_000)
      return this.answer ?? { yes: false, reason: `nobody answered within ${minutes} minutes` }
    } finally {
      this.open = null
      asked(null)
    }
  }

  private onAnswer(name: string, yes: boolean): void {
    const handler = (input: unknown) => {
      const { by, reason } = parseInput(ApprovalAnswer, input)
      this.answer ??= { yes, reason: `${by}${reason === undefined ? '' : `: ${reason}`}` }
    }
    const validator = (input: unknown) => {
      const { question } = parseInput(ApprovalAnswer, input)
      if (this.open === null) throw failure('NotFound', 'a question that waits for an answer does not exist', { what: 'a question' })
      if (question !== this.open.question) {
        const rule = `must be what is asked now: ${this.open.question}`
        throw failure('InvalidInput', `question: ${rule}`, { field: 'question', rule })
      }
    }
    setHandler(defineUpdate<void, [unknown]>(name), handler, { validator })
  }
}
