// Rows of a name and a value that are added and taken away: the headers of a message, the settings of a topic.

import type { ComponentChildren } from 'preact'
import { Icon } from './icon.tsx'

/** A row, as it is typed. */
export interface Pair {
  readonly name: string
  readonly value: string
}

/** The rows under their label. */
export function Pairs<Row>({
  label,
  one,
  rows,
  empty,
  pairOf,
  changed,
  onChange,
  nameHint,
  valueHint,
  names,
  children,
}: {
  readonly label: string
  /** What one row is called. */
  readonly one: string
  readonly rows: readonly Row[]
  /** The row that is added. */
  readonly empty: Row
  readonly pairOf: (row: Row) => Pair
  /** The row with what was typed. */
  readonly changed: (row: Row, pair: Pair) => Row
  readonly onChange: (rows: readonly Row[]) => void
  readonly nameHint: string
  readonly valueHint?: (row: Row) => string
  /** Id of a list of names to choose from; it is among the children. */
  readonly names?: string
  readonly children?: ComponentChildren
}) {
  const set = (at: number, row: Row, pair: Pair) => {
    onChange(rows.map((other, index) => (index === at ? changed(row, pair) : other)))
  }
  return (
    <div class="field">
      <span>{label}</span>
      {children}
      {rows.map((row, at) => {
        const pair = pairOf(row)
        return (
          <div key={String(at)} class="header-row">
            <input
              type="text"
              class="input mono"
              aria-label={`Name of ${one} ${at + 1}`}
              placeholder={nameHint}
              spellcheck={false}
              {...(names === undefined ? {} : { list: names })}
              value={pair.name}
              onInput={({ currentTarget }) => set(at, row, { ...pair, name: currentTarget.value })}
            />
            <input
              type="text"
              class="input mono"
              aria-label={`Value of ${one} ${at + 1}`}
              placeholder={valueHint?.(row) ?? ''}
              spellcheck={false}
              value={pair.value}
              onInput={({ currentTarget }) => set(at, row, { ...pair, value: currentTarget.value })}
            />
            <button
              type="button"
              class="icon-button"
              aria-label={`Remove ${one} ${at + 1}`}
              onClick={() => onChange(rows.filter((_, index) => index !== at))}
            >
              <Icon name="close" />
            </button>
          </div>
        )
      })}
      <div>
        <button type="button" class="link" onClick={() => onChange([...rows, empty])}>
          Add a {one}
        </button>
      </div>
    </div>
  )
}
