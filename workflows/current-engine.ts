import type { Replica } from '../src/contracts/endpoint.js'
import type { Run } from '../src/contracts/messages.js'
import { control } from './activities.js'

/** The engine that serves while another one is tried: it makes way only for one on its own node, and comes back when that does not work out. */
export class CurrentEngine {
  private isAway = false

  constructor(
    private readonly endpoint: string,
    private readonly replica: Replica | null,
    private readonly holder: Run,
  ) {}

  /** Not before the weights of the new one are there, whose start then ends it. Answers whether it serves no more. */
  async makeWay(node: string): Promise<boolean> {
    const { endpoint, holder } = this
    if (this.replica?.nodeId === node && !this.isAway) {
      this.isAway = true
      await control.standDown({ endpoint, holder })
    }
    return this.isAway
  }

  /** Serves again, for as long as something else takes. */
  async comeBack(): Promise<void> {
    if (!this.isAway) return
    await control.resume({ endpoint: this.endpoint, holder: this.holder })
    this.isAway = false
  }
}
