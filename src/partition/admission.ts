// Empty storage trusts nobody: a partition that was never written asks Cluster whether it is alive, and
// before its first write makes Cluster remember that it is written, so that a deletion will fence it.

import type { PartitionAdmission } from '../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { REREAD_IDLE_MS } from '../core/limits/watch.ts'
import type { VersionedSettings } from './stored.ts'

/** What the questions need. */
export interface AdmissionOptions {
  /** ClusterRpc.admit for this partition. */
  readonly admit: (writing: boolean) => Promise<PartitionAdmission>
  readonly now: () => number
  readonly report: (event: string, error: unknown) => void
  /** Takes Cluster's yes; an error when something has happened since the question. */
  readonly admitted: (config: VersionedSettings) => ErrorCode
}

/**
 * Cluster's word on one partition. A no is not remembered, because partitions are created and a handler
 * asks only about those that metadata knows; a yes holds for reads as long as an idle partition may.
 */
export class Admission {
  readonly #options: AdmissionOptions
  #mayWrite = false
  #aliveUntilMs = Number.NEGATIVE_INFINITY
  #asking: Promise<ErrorCode> | null = null

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** Cluster knows that this partition is written. */
  get mayWrite(): boolean {
    return this.#mayWrite
  }

  /** 0, UNKNOWN_TOPIC_ID, or NOT_LEADER_OR_FOLLOWER when Cluster cannot be asked. */
  async toRead(): Promise<ErrorCode> {
    if (this.#options.now() < this.#aliveUntilMs) return KafkaError.NONE
    this.#asking ??= this.#ask(false)
    try {
      return await this.#asking
    } finally {
      this.#asking = null
    }
  }

  /** As toRead; Cluster has recorded the partition as written before this answers 0. */
  async toWrite(): Promise<ErrorCode> {
    const error = await this.#ask(true)
    if (error === KafkaError.NONE) this.#mayWrite = true
    return error
  }

  async #ask(writing: boolean): Promise<ErrorCode> {
    const { admit, now, report, admitted } = this.#options
    let answer: PartitionAdmission
    try {
      answer = await admit(writing)
    } catch (cause) {
      report('cluster could not be asked', cause)
      return KafkaError.NOT_LEADER_OR_FOLLOWER
    }
    if (!answer.alive) return KafkaError.UNKNOWN_TOPIC_ID
    const { configVersion, settings } = answer
    const error = admitted({ configVersion, settings })
    if (error === KafkaError.NONE) this.#aliveUntilMs = now() + REREAD_IDLE_MS
    return error
  }
}
