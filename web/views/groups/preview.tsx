// What a reset would change: asked as a dry run shortly after the last change of the form, shown as a table of
// before and after.

import { useEffect, useState } from 'preact/hooks'
import { ask, BrokerError } from '../../broker/http.ts'
import { Refusal } from '../../parts/dialog.tsx'
import { count, counted } from '../../parts/format.ts'
import { Name } from '../../parts/name.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import type { Move } from './shapes.ts'

const SETTLES_MS = 200

/** What is known of a reset that was not done. */
export interface Preview {
  readonly moves: readonly Move[] | null
  readonly refusal: BrokerError | null
  /** What is shown is of an earlier question, or of none. */
  readonly isStale: boolean
}

/** Asks what a reset would change; null: nothing can be asked yet. */
export function usePreview(path: string, body: object | null): Preview {
  const question = body === null ? null : JSON.stringify(body)
  const [known, setKnown] = useState<Preview & { readonly of: string | null }>({
    moves: null,
    refusal: null,
    isStale: true,
    of: null,
  })
  useEffect(() => {
    if (body === null) return
    const asking = new AbortController()
    const timer = setTimeout(() => {
      const request = { method: 'POST', body: { ...body, dryRun: true } } as const
      ask<{ items: readonly Move[] }>(path, { ...request, signal: asking.signal }).then(
        ({ items }) => setKnown({ moves: items, refusal: null, isStale: false, of: question }),
        (error: unknown) => {
          if (asking.signal.aborted || !(error instanceof BrokerError)) return
          setKnown({ moves: null, refusal: error, isStale: false, of: question })
        },
      )
    }, SETTLES_MS)
    return () => {
      clearTimeout(timer)
      asking.abort()
    }
  }, [path, question])
  const isStale = question === null || known.of !== question
  return question === null
    ? { moves: null, refusal: null, isStale }
    : { moves: known.moves, refusal: known.refusal, isStale }
}

const COLUMNS: readonly Column<Move>[] = [
  {
    id: 'partition',
    label: 'Partition',
    bare: true,
    cell: ({ topic, partition }) => <Name text={`${topic}/${partition}`} mono />,
  },
  {
    id: 'before',
    label: 'Before',
    align: 'right',
    width: '96px',
    cell: ({ before }) => <span class="mono">{before ?? 'none'}</span>,
  },
  {
    id: 'after',
    label: 'After',
    align: 'right',
    width: '96px',
    cell: ({ after }) => <span class="mono">{after}</span>,
  },
  {
    id: 'change',
    label: 'Change',
    align: 'right',
    width: '112px',
    cell: ({ before, after }) => changeOf(after - (before ?? 0)),
  },
]

function changeOf(records: number): string {
  if (records === 0) return 'stays'
  return `${records > 0 ? '+' : '−'}${count(Math.abs(records))}`
}

/** The sum of a reset in a sentence. */
export function sumOf(moves: readonly Move[]): string {
  const changes = moves.map(({ before, after }) => after - (before ?? 0))
  const again = -changes.filter((one) => one < 0).reduce((sum, one) => sum + one, 0)
  const skipped = changes.filter((one) => one > 0).reduce((sum, one) => sum + one, 0)
  const parts = [
    again > 0 ? `${counted(again, 'record')} will be read again` : '',
    skipped > 0 ? `${counted(skipped, 'record')} will be skipped` : '',
  ].filter((part) => part !== '')
  return parts.length === 0 ? 'Nothing changes.' : `${parts.join(', ')}.`
}

/** The table, or why the broker would refuse. */
export function Moves({ moves, refusal, isStale }: Preview) {
  if (refusal !== null) return <Refusal error={refusal} />
  if (moves === null) {
    return <p class="muted">{isStale ? 'What changes is shown here first.' : '\u00a0'}</p>
  }
  return (
    <div class="preview" data-stale={isStale}>
      <p role="status">{sumOf(moves)}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <section class="preview-scroll" tabIndex={0} aria-label="Before and after">
        <Table
          caption="Offsets before and after"
          columns={COLUMNS}
          rows={moves}
          keyOf={({ topic, partition }) => `${topic}/${partition}`}
        />
      </section>
    </div>
  )
}
