// What asking costs: the broker's processor time for records in and out with users, rules and quotas against a broker
// that asks nobody, and how long a login by SCRAM takes against Apache Kafka's. The client is the same on each side,
// and is logged in before anything is measured. Not the rates, which a busy client bounds.

import { setTimeout as sleep } from 'node:timers/promises'
import { makeUsers } from '../../clients/secured.ts'
import { Wire } from '../../clients/wire.ts'
import { LoadClient } from '../client.ts'
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  createTopic,
  fetchRange,
  produce,
  produceRequest,
} from '../kafka.ts'
import { logInPlain, ScramLogins } from '../load/logins.ts'
import { byTurns, type Figure, floorFigure, median, megabytes, ratios } from '../rounds.ts'
import { cpuClock } from '../scale/process-stats.ts'
import { startScramKafka } from '../systems/kafka.ts'
import type { KafkaSystem } from '../systems/ottla.ts'
import { ADMIN_LOGIN, startOpen, startSecured, USER } from '../systems/secured.ts'

const CPU_GOAL = { atMost: 1.03 }
const LOGIN_GOAL = { atMost: 2 }

/** How much is measured. */
interface Size {
  /** Each starts its brokers anew: what one process has by chance, such as where its memory lies, is not in all rounds. */
  readonly series: number
  readonly rounds: number
  /** Written in a turn, and read `passes` times in another. */
  readonly bytes: number
  readonly passes: number
  readonly logins: number
  readonly loginRounds: number
  readonly loginsBefore: number
}

const FULL: Size = {
  ...{ series: 4, rounds: 5, bytes: 80e6, passes: 3 },
  ...{ logins: 50, loginRounds: 21, loginsBefore: 1_000 },
}
const QUICK: Size = {
  ...{ series: 1, rounds: 1, bytes: 4e6, passes: 1 },
  ...{ logins: 10, loginRounds: 2, loginsBefore: 20 },
}

/** As the produce group has it. */
const IN_FLIGHT = 16
/** What Kafka's consumer asks of a partition unless told otherwise. */
const FETCH_BYTES = 1024 * 1024

type Name = 'open' | 'again' | 'secured'
type Runs = Record<Name, number[]>

/** Processor time per GB in and out, and a login. */
export async function securedFigures(quick: boolean): Promise<Figure[]> {
  const size = quick ? QUICK : FULL
  const produced: Runs = { open: [], again: [], secured: [] }
  const consumed: Runs = { open: [], again: [], secured: [] }
  for (let series = 0; series < size.series; series++) {
    const runs = await oneSeries(size)
    for (const name of ['open', 'again', 'secured'] as const) {
      produced[name].push(...runs.produced[name])
      consumed[name].push(...runs.consumed[name])
    }
  }
  const turn = `${megabytes(size.bytes)} a turn`
  const reading = `${turn}, ${size.passes}×, ${FETCH_BYTES / 1024} KiB per request`
  return [
    ...cpuFigures('produced', produced, `${turn} in batches of 64 KiB`),
    ...cpuFigures('consumed', consumed, reading),
    ...(await loginFigures(size)),
  ]
}

/** Two open brokers and a secured one by turns. */
async function oneSeries(size: Size): Promise<{ produced: Runs; consumed: Runs }> {
  const open = await Loaded.begin(await startOpen(), false, size)
  const again = await Loaded.begin(await startOpen(), false, size)
  const secured = await Loaded.begin(await startSecured(), true, size)
  const measure = async (turn: (loaded: Loaded) => Promise<number>) => {
    const turns = { open: () => turn(open), again: () => turn(again), secured: () => turn(secured) }
    // The code is compiled as it runs.
    await byTurns(1, turns)
    return byTurns(size.rounds, turns)
  }
  const produced = await measure((loaded) => loaded.produce())
  const consumed = await measure((loaded) => loaded.consume())
  for (const loaded of [open, again, secured]) await loaded.end()
  return { produced, consumed }
}

/** A broker, and a connection that is logged in where one has to be. */
class Loaded {
  readonly #broker: KafkaSystem
  readonly #client: LoadClient
  readonly #size: Size
  readonly #request = produceRequest(BATCH_RECORDS)

  private constructor(broker: KafkaSystem, client: LoadClient, size: Size) {
    this.#broker = broker
    this.#client = client
    this.#size = size
  }

  static async begin(broker: KafkaSystem, asks: boolean, size: Size): Promise<Loaded> {
    const { kafkaPort } = broker
    const admin = await LoadClient.open(kafkaPort)
    if (asks) await logInPlain(admin, ADMIN_LOGIN)
    await createTopic(admin)
    admin.close()
    const client = await LoadClient.open(kafkaPort)
    if (asks) await logInPlain(client, USER)
    return new Loaded(broker, client, size)
  }

  get #batches(): number {
    return Math.ceil(this.#size.bytes / BATCH_BYTES)
  }

  /** Processor seconds of the broker per 10⁹ bytes written. */
  produce(): Promise<number> {
    const load = { request: this.#request, count: this.#batches, inFlight: IN_FLIGHT }
    return this.#counted(1, () => produce(this.#client, load))
  }

  /** The same of the first that were written, read from storage. */
  consume(): Promise<number> {
    const { passes } = this.#size
    const to = this.#batches * BATCH_RECORDS
    return this.#counted(passes, async () => {
      for (let pass = 0; pass < passes; pass++) {
        const range = { from: 0, to, maxBytes: FETCH_BYTES }
        const { nextOffset } = await fetchRange(this.#client, range)
        if (nextOffset < to) throw new Error(`the log ends at ${nextOffset}`)
      }
    })
  }

  end(): Promise<void> {
    this.#client.close()
    return this.#broker.stop()
  }

  async #counted(passes: number, act: () => Promise<unknown>): Promise<number> {
    const spentSeconds = cpuClock(this.#broker.pid)
    await act()
    return (spentSeconds() * 1e9) / (passes * this.#batches * BATCH_BYTES)
  }
}

function cpuFigures(what: string, { open, again, secured }: Runs, how: string): Figure[] {
  const show = (seconds: readonly number[]) => `${median(seconds).toFixed(3)} s/GB`
  return [
    {
      name: `broker CPU per GB ${what}, secured / open`,
      values: ratios(secured, open),
      goal: CPU_GOAL,
      detail: `${show(secured)}, open ${show(open)}; ${how}`,
    },
    floorFigure(
      `per GB ${what}, a second open broker / open`,
      ratios(again, open),
      `${show(again)}: what two processes differ by that do the same`,
    ),
  ]
}

async function loginFigures(size: Size): Promise<Figure[]> {
  const kafka = await startScramKafka()
  if (kafka === null) return []
  const admin = await Wire.open({ host: '127.0.0.1', port: kafka.kafkaPort })
  await makeUsers(admin, [USER.user])
  admin.close()
  const broker = await startSecured()
  const ottla = new ScramLogins(broker.kafkaPort, USER)
  const theirs = new ScramLogins(kafka.scramPort, USER)
  await firstLogin(theirs)
  const turns = (logins: number) => ({
    ottla: () => medianLogin(ottla, logins),
    kafka: () => medianLogin(theirs, logins),
  })
  // A JVM compiles what it has run some hundred times.
  await byTurns(1, turns(size.loginsBefore))
  const ms = await byTurns(size.loginRounds, turns(size.logins), LOGIN_ROUNDS_MS)
  await broker.stop()
  await kafka.stop()
  return [
    {
      name: 'a login by SCRAM-SHA-256 / Kafka',
      values: ratios(ms.ottla, ms.kafka),
      goal: LOGIN_GOAL,
      detail: `${median(ms.ottla).toFixed(2)} ms, Kafka ${median(ms.kafka).toFixed(2)} ms from connecting to Metadata; medians of ${size.logins} a round, one after the other, without the client's PBKDF2`,
    },
  ]
}

/** So many, or fewer on a machine that is busy. */
async function medianLogin(logins: ScramLogins, count: number): Promise<number> {
  const ms: number[] = []
  const untilMs = performance.now() + LOGINS_MS
  while (ms.length === 0 || (ms.length < count && performance.now() < untilMs)) {
    ms.push(await logins.once())
  }
  return median(ms)
}

/** What one turn and all rounds may take. */
const LOGINS_MS = 15_000
const LOGIN_ROUNDS_MS = 60_000

const KNOWN_WITHIN_MS = 10_000
const AGAIN_MS = 50

/** Kafka's broker learns of a user after it has answered that there is one. */
async function firstLogin(logins: ScramLogins): Promise<void> {
  const untilMs = performance.now() + KNOWN_WITHIN_MS
  for (;;) {
    try {
      await logins.once()
      return
    } catch (error) {
      if (performance.now() > untilMs) throw error
      await sleep(AGAIN_MS)
    }
  }
}
