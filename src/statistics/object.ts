// The Durable Object of a cluster's figures: clock, timer and storage come from the platform, everything else is
// figures.ts. It asks Cluster for the topics once, where none were ever reported, and nobody else.

import { DurableObject } from 'cloudflare:workers'
import { readEnvironment } from '../core/env.ts'
import { type TopicId, tenantOfName } from '../core/ids.ts'
import { STATISTICS_SAVE_MS } from '../core/limits/statistics.ts'
import { workerLog } from '../runtime/log.ts'
import { type ObjectBindings, type Objects, objects } from '../runtime/objects.ts'
import type {
  GroupFigures,
  Metrics,
  Overview,
  Report,
  StatisticsRpc,
  TopicFigures,
  TopicGroup,
} from './contract.ts'
import { Figures } from './figures.ts'
import { FiguresStore } from './store.ts'

/**
 * The figures of one cluster, as its objects report them while they are awake.
 *
 * What it costs when deployed: it is awake while anything in the cluster is, and billed for that, $4.15 a month at
 * most. A busy partition reports every ten seconds: 260,000 calls and at most as many rows written in a month, some
 * $0.30. Neighbouring partitions that report within STATISTICS_SAVE_MS share a row. An idle cluster costs nothing.
 */
export class Statistics extends DurableObject<ObjectBindings> implements StatisticsRpc {
  readonly #figures = new Figures()
  readonly #store: FiguresStore
  readonly #report: (event: string, reason: string) => void
  /** Keys of rows that are to be written. */
  readonly #dirty = new Set<string>()
  readonly #cluster: Objects['cluster']
  #isSaving = false
  #learning: Promise<void> | null = null

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    const log = workerLog(readEnvironment(env).logLevel)
    this.#report = (event, reason) => log('warn', event, { reason })
    this.#cluster = objects(env, tenantOfName(ctx.id.name)).cluster
    this.#store = new FiguresStore(ctx.storage)
    this.#store.load(this.#figures, (key, reason) => this.#report(`figures of ${key} lost`, reason))
  }

  async report(report: Report): Promise<void> {
    for (const key of this.#figures.report(report, Date.now())) this.#dirty.add(key)
    this.#saveLater()
  }

  async overview(): Promise<Overview> {
    await this.#catalogue()
    return this.#figures.overview(Date.now())
  }

  async topics(ids: readonly TopicId[]): Promise<{ readonly topics: readonly TopicFigures[] }> {
    return { topics: this.#figures.topics(ids, Date.now()) }
  }

  async topicGroups(topicId: TopicId): Promise<{ readonly groups: readonly TopicGroup[] }> {
    return { groups: this.#figures.readersOf(topicId) }
  }

  async groups(
    ids: readonly string[] | null,
  ): Promise<{ readonly groups: readonly GroupFigures[] }> {
    return { groups: this.#figures.groups(ids) }
  }

  async metrics(): Promise<Metrics> {
    await this.#catalogue()
    return this.#figures.metrics(Date.now())
  }

  /** The topics are known: a cluster that is older than its figures is asked for them, once. */
  async #catalogue(): Promise<void> {
    if (this.#figures.catalogueVersion >= 0) return
    this.#learning ??= this.#learn().finally(() => {
      this.#learning = null
    })
    await this.#learning
  }

  async #learn(): Promise<void> {
    try {
      await this.report(await this.#cluster.catalogue())
    } catch (error) {
      this.#report('the topics are not known', String(error))
    }
  }

  /** Reports that come together are written together. */
  #saveLater(): void {
    if (this.#isSaving || this.#dirty.size === 0) return
    this.#isSaving = true
    setTimeout(() => {
      this.#isSaving = false
      const keys = [...this.#dirty]
      this.#dirty.clear()
      try {
        this.#store.save(this.#figures, keys)
      } catch (error) {
        // They are in memory, and written with what comes next.
        for (const key of keys) this.#dirty.add(key)
        this.#report('figures were not kept', String(error))
      }
    }, STATISTICS_SAVE_MS)
  }
}
