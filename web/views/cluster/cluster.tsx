// /cluster: what the cluster is, where clients find it, what it holds and which features are in force.

import { useEffect } from 'preact/hooks'
import { useReading } from '../../broker/reading.ts'
import { copy, Figure } from '../../parts/fields.tsx'
import { bytes, count } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Failure } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'

const EVERY_MS = 10_000

interface Broker {
  readonly brokerId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

interface Cluster {
  readonly clusterId: string
  readonly controllerId: number
  readonly brokers: readonly Broker[]
  readonly features: Readonly<Record<string, number>>
}

interface Held {
  readonly topics: number
  readonly partitions: number
  readonly records: number
  readonly sizeBytes: number
  readonly groups: number
  readonly deadGroups: number
}

/** The view. */
export default function ClusterView() {
  const { data, error, at, reload } = useReading<Cluster>('/v1/cluster', { everyMs: EVERY_MS })
  useEffect(() => {
    document.title = 'Cluster · Ottla'
  }, [])
  return (
    <div class="view">
      <div class="view-head">
        <h1>Cluster</h1>
      </div>
      <Failure what="The cluster could not be read" error={error} at={at} again={reload} />
      {(data !== undefined || error === undefined) && (
        <>
          <Holds />
          <Addresses cluster={data} />
          <Features cluster={data} />
        </>
      )}
    </div>
  )
}

function Holds() {
  const { data, error, at, reload } = useReading<Held>('/v1/overview', { everyMs: EVERY_MS })
  // The figures are not shown to everybody; the rest of the view is.
  if (error?.status === 403) return null
  const figure = (amount: number | undefined, words = count) =>
    amount === undefined ? <span class="muted">–</span> : words(amount)
  return (
    <>
      <Failure what="Its figures could not be read" error={error} at={at} again={reload} />
      <dl class="figures">
        <Figure label="Topics">{figure(data?.topics)}</Figure>
        <Figure label="Partitions">{figure(data?.partitions)}</Figure>
        <Figure label="Records">{figure(data?.records)}</Figure>
        <Figure label="Stored">{figure(data?.sizeBytes, bytes)}</Figure>
        <Figure label="Groups">{figure(data?.groups)}</Figure>
        <Figure label="Dead groups">{figure(data?.deadGroups)}</Figure>
      </dl>
    </>
  )
}

function Addresses({ cluster }: { readonly cluster: Cluster | undefined }) {
  const rows = [
    ...(cluster?.brokers ?? []).map(({ brokerId, host, port, rack }) => ({
      what: 'Kafka protocol',
      address: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      note: `Broker ${brokerId}${brokerId === cluster?.controllerId ? ', the controller' : ''}${rack === null ? '' : `, rack ${rack}`}`,
    })),
    { what: 'HTTP and console', address: location.origin, note: 'What this page is from' },
    {
      what: 'Kafka by WebSocket',
      address: `${location.origin.replace(/^http/, 'ws')}/kafka`,
      note: 'For ottla proxy',
    },
  ]
  return (
    <section class="part">
      <h2>Where clients find it</h2>
      <Table
        caption="Addresses"
        columns={ADDRESS_COLUMNS}
        rows={rows}
        keyOf={({ what, address }) => `${what} ${address}`}
        {...(cluster === undefined ? { loadingRows: 3 } : {})}
      />
      <dl class="facts">
        <dt>Cluster id</dt>
        <dd class="mono">{cluster?.clusterId ?? '–'}</dd>
        <dt>Described by</dt>
        <dd>
          <a href="/openapi.json">/openapi.json</a>, <a href="/metrics">/metrics</a>
        </dd>
      </dl>
    </section>
  )
}

interface Address {
  readonly what: string
  readonly address: string
  readonly note: string
}

const ADDRESS_COLUMNS: readonly Column<Address>[] = [
  { id: 'what', label: 'For', bare: true, width: '176px', cell: ({ what }) => what },
  {
    id: 'address',
    label: 'Address',
    cell: ({ address }) => (
      <span class="address">
        <span class="mono">{address}</span>
        <button
          type="button"
          class="icon-button"
          aria-label={`Copy ${address}`}
          onClick={() => void copy(address, 'Address')}
        >
          <Icon name="copy" />
        </button>
      </span>
    ),
  },
  { id: 'note', label: 'Which is', cell: ({ note }) => note },
]

const FEATURE_COLUMNS: readonly Column<readonly [string, number]>[] = [
  { id: 'name', label: 'Feature', bare: true, cell: ([name]) => <span class="mono">{name}</span> },
  {
    id: 'level',
    label: 'Level in force',
    align: 'right',
    width: '160px',
    cell: ([, level]) => <span class="mono">{level}</span>,
  },
]

function Features({ cluster }: { readonly cluster: Cluster | undefined }) {
  return (
    <section class="part">
      <h2>Features</h2>
      <Table
        caption="Features"
        columns={FEATURE_COLUMNS}
        rows={Object.entries(cluster?.features ?? {})}
        keyOf={([name]) => name}
        {...(cluster === undefined ? { loadingRows: 4 } : {})}
      />
    </section>
  )
}
