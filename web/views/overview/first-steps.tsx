// Three commands for a cluster that has nothing in it, with its real address. They go when data comes.

import { useReading } from '../../broker/reading.ts'
import { copy } from '../../parts/fields.tsx'
import { Icon } from '../../parts/icon.tsx'

interface Cluster {
  readonly brokers: readonly { readonly host: string; readonly port: number }[]
}

/** The commands. */
export function FirstSteps() {
  const { data } = useReading<Cluster>('/v1/cluster')
  const [broker] = data?.brokers ?? []
  const kafka = broker === undefined ? 'localhost:9092' : `${broker.host}:${broker.port}`
  const steps = [
    [
      'Create a topic',
      `curl -X POST ${location.origin}/v1/topics -d '{"name":"orders","partitions":3}'`,
    ],
    [
      'Write a record over HTTP',
      `curl -X POST '${location.origin}/v1/topics/orders/records?key=o-1' -d 'hello'`,
    ],
    ['Or with any Kafka client', `echo hello | kcat -P -b ${kafka} -t orders -k o-1`],
  ] as const
  return (
    <section class="part">
      <h2>Nothing is in it yet</h2>
      <p class="muted">
        Run these in a terminal; this page shows what comes as soon as it is there.
      </p>
      <ol class="steps">
        {steps.map(([what, command]) => (
          <li key={what}>
            <span>{what}</span>
            <span class="command">
              <code>{command}</code>
              <button
                type="button"
                class="icon-button"
                aria-label={`Copy: ${what}`}
                onClick={() => void copy(command, 'Command')}
              >
                <Icon name="copy" />
              </button>
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}
