import { CancellationScope, getExternalWorkflowHandle, log } from '@temporalio/workflow'
import { STEP_SIGNAL, type FallbackNews, type StepNews } from '../src/contracts/fallback.js'
import type { Run } from '../src/contracts/messages.js'
import { rootMessage } from './steps.js'

/** Tells the deploy that a fallback works for how far it is. Nobody waits for that but the end of the flow. */
export class FallbackTeller {
  private readonly told: Promise<void>[] = []

  constructor(private readonly parent: Run | null) {}

  steps(...steps: StepNews[]): void {
    this.tell({ steps })
  }

  tell(news: FallbackNews): void {
    if (this.parent !== null) this.told.push(CancellationScope.nonCancellable(() => send(this.parent as Run, news)))
  }

  async allTold(): Promise<void> {
    await CancellationScope.nonCancellable(() => Promise.all(this.told))
  }
}

/** A parent that has closed needs no news. */
async function send({ workflowId, runId }: Run, news: FallbackNews): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId, runId).signal(STEP_SIGNAL, news)
  } catch (error) {
    log.info('the deploy could not be told', { workflowId, error: rootMessage(error) })
  }
}
