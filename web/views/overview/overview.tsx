// /: how the cluster is in a sentence, what goes through it, which groups are behind. While it is empty,
// the commands that change that.

import { useEffect } from 'preact/hooks'
import { useReading } from '../../broker/reading.ts'
import { Figure } from '../../parts/fields.tsx'
import { bytes, count, perSecond } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Failure, Nothing } from '../../parts/states.tsx'
import { Ago } from '../../parts/time.tsx'
import { FirstSteps } from './first-steps.tsx'
import { Laggards } from './laggards.tsx'
import type { Overview } from './shapes.ts'

const EVERY_MS = 5_000

/** The view. */
export default function OverviewView() {
  const { data, error, at, reload } = useReading<Overview>('/v1/overview', { everyMs: EVERY_MS })
  useEffect(() => {
    document.title = 'Ottla'
  }, [])
  return (
    <div class="view">
      <div class="view-head">
        <h1>Overview</h1>
      </div>
      {error?.status === 403 ? (
        <Nothing title="What the whole cluster does is not shown to you">
          <a class="button button-main" href="/topics">
            See the topics
          </a>
        </Nothing>
      ) : (
        <Failure what="The overview could not be read" error={error} at={at} again={reload} />
      )}
      {(data !== undefined || error === undefined) && <Body overview={data} />}
    </div>
  )
}

function Body({ overview }: { readonly overview: Overview | undefined }) {
  const isEmpty = overview !== undefined && overview.records === 0
  return (
    <>
      <Health overview={overview} />
      <dl class="figures">
        <Figure label="Records in">{known(overview?.recordsPerSecond, perSecond)}</Figure>
        <Figure label="Bytes in">{known(overview?.bytesPerSecond, bytesPerSecond)}</Figure>
        <Figure label="Bytes out">{known(overview?.readBytesPerSecond, bytesPerSecond)}</Figure>
        <Figure label="Topics">{known(overview?.topics, count)}</Figure>
        <Figure label="Records">{known(overview?.records, count)}</Figure>
        <Figure label="Stored">{known(overview?.sizeBytes, bytes)}</Figure>
      </dl>
      {isEmpty ? <FirstSteps /> : <Laggards groups={overview?.worstGroups} />}
    </>
  )
}

function known(amount: number | null | undefined, words: (amount: number) => string) {
  return amount === null || amount === undefined ? <span class="muted">–</span> : words(amount)
}

function bytesPerSecond(amount: number): string {
  return `${bytes(Math.round(amount))}/s`
}

function Health({ overview }: { readonly overview: Overview | undefined }) {
  if (overview === undefined) return <p class="health">{'\u00a0'}</p>
  const { health, reported } = overview
  const isGood = health.status !== 'attention'
  return (
    <p class={isGood ? 'health' : 'health health-bad'}>
      <Icon name={isGood ? 'check' : 'alert'} />
      <span>
        {health.sentence}
        {reported !== null && (
          <span class="muted">
            {' '}
            Last change <Ago at={Date.parse(reported)} />.
          </span>
        )}
      </span>
    </p>
  )
}
