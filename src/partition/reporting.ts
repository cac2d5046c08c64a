// What a leader tells the Statistics object of its log, at most every ten seconds and only after something has
// changed. Read from the log when it is told: an append pays for a comparison, a read for the sum of its pieces.

import { Reports, type ReportsOptions } from '../runtime/reports.ts'
import type { PartitionReport } from '../statistics/contract.ts'
import type { Identity } from './stored.ts'

/** What is told of a log. */
export interface ReportedLog {
  readonly logStart: number
  readonly highWatermark: number
  readonly sizeBytes: number
  /** Bytes of all chunks that were ever written. */
  readonly writtenBytes: number
  readonly deleted: boolean
}

export interface ReportingOptions extends Omit<ReportsOptions, 'send'> {
  readonly identity: Identity
  /** Names this life of the leader. */
  readonly source: () => string
  readonly send: (report: PartitionReport) => Promise<void>
}

/** See the head of this file. */
export class Reporting {
  readonly #options: ReportingOptions
  readonly #reports: Reports
  #log: ReportedLog | null = null
  #source = ''
  #readBytes = 0
  /** As it was last told, or when the log was loaded. */
  #told = { highWatermark: 0, writtenBytes: 0, readBytes: 0 }

  constructor(options: ReportingOptions) {
    this.#options = options
    this.#reports = new Reports({ ...options, send: (elapsedMs) => this.#send(elapsedMs) })
  }

  /** The log is loaded: what it has now is not new. */
  loaded(log: ReportedLog): void {
    this.#log = log
    this.#told = { ...this.#told, highWatermark: log.highWatermark, writtenBytes: log.writtenBytes }
  }

  /** Readers see the log begin or end elsewhere, or it is no more. */
  moved(): void {
    this.#reports.changed()
  }

  /** So much was read. */
  served(pieces: readonly Uint8Array[]): void {
    if (pieces.length === 0) return
    for (const { length } of pieces) this.#readBytes += length
    this.#reports.changed()
  }

  #send(elapsedMs: number): Promise<void> {
    const log = this.#log
    if (log === null) return Promise.resolve()
    const { identity, send, source } = this.#options
    const { highWatermark, writtenBytes } = log
    const readBytes = this.#readBytes
    const told = this.#told
    this.#told = { highWatermark, writtenBytes, readBytes }
    this.#source ||= source()
    const perSecond = (now: number, before: number) =>
      (Math.max(0, now - before) * 1000) / elapsedMs
    const { topicId, partition } = identity
    return send({
      kind: 'partition',
      topicId,
      partition,
      logStartOffset: log.logStart,
      highWatermark,
      sizeBytes: log.sizeBytes,
      writtenBytes,
      source: this.#source,
      readBytes,
      recordRate: perSecond(highWatermark, told.highWatermark),
      writeRate: perSecond(writtenBytes, told.writtenBytes),
      readRate: perSecond(readBytes, told.readBytes),
      gone: log.deleted,
    })
  }
}
