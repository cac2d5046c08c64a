// The list of messages: a table whose rows are drawn once each, because a live list changes many times a
// second. (To keep the rows' own vnodes instead would keep every list there has been: each knows its parent.)

import { Component, type ComponentChild } from 'preact'
import { type Item, isMalformed, type RecordShown } from '../../broker/shapes.ts'
import { Icon } from '../../parts/icon.tsx'
import { Name } from '../../parts/name.tsx'
import { Ago } from '../../parts/time.tsx'
import { placeOf } from '../../reading/live.ts'
import { query, setQuery } from '../../shell/router.ts'

const PREVIEW_UNITS = 240
const LOADING_ROWS = 20

/** Messages as rows; the one `at` is marked. */
export function MessageList({
  items,
  at,
  isLoading = false,
}: {
  readonly items: readonly Item[]
  readonly at: string
  readonly isLoading?: boolean
}) {
  const rowOf = (item: Item) => {
    const place = placeOf(item)
    return <Row key={place} item={item} place={place} isMarked={place === at} />
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: each row has a link that does the same.
    <table class="table message-table" role="table" onClick={select}>
      <caption class="only-read">Messages</caption>
      <colgroup>
        <col style={{ width: '112px' }} />
        <col style={{ width: '72px' }} />
        <col style={{ width: '104px' }} />
        <col style={{ width: '22%' }} />
        <col />
      </colgroup>
      <thead role="rowgroup">
        <tr role="row">
          {HEADINGS.map(([label, style]) => (
            <th key={label} scope="col" role="columnheader" class={style}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup" aria-busy={isLoading}>
        {isLoading && items.length === 0
          ? Array.from({ length: LOADING_ROWS }, bones)
          : items.map(rowOf)}
      </tbody>
    </table>
  )
}

const HEADINGS = [
  ['Time', ''],
  ['Partition', 'figure'],
  ['Offset', 'figure'],
  ['Key', ''],
  ['Value', ''],
] as const

function bones(_: unknown, at: number) {
  return (
    <tr key={`loading-${String(at)}`} role="row" class="loading-row">
      {HEADINGS.map(([label]) => (
        <td key={label} role="cell">
          <span class="bone" />
        </td>
      ))}
    </tr>
  )
}

/** Anywhere in a row selects it; its offset is the link that says so. */
function select(event: MouseEvent): void {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey) return
  const row = event.target instanceof Element ? event.target.closest('tr[data-at]') : null
  const place = row instanceof HTMLElement ? row.dataset.at : undefined
  if (place === undefined || (getSelection()?.toString() ?? '') !== '') return
  event.preventDefault()
  const isOpen = query.peek().get('at')
  setQuery({ at: place === isOpen ? null : place }, { replace: isOpen !== null })
}

interface RowProps {
  readonly item: Item
  readonly place: string
  readonly isMarked: boolean
}

class Row extends Component<RowProps> {
  override shouldComponentUpdate({ item, isMarked }: RowProps): boolean {
    return item !== this.props.item || isMarked !== this.props.isMarked
  }

  override render({ item, place, isMarked }: RowProps) {
    return row(item, place, isMarked)
  }
}

function row(item: Item, place: string, isMarked: boolean) {
  const link = new URLSearchParams(query.peek())
  link.set('at', place)
  return (
    <tr role="row" data-at={place} data-marked={isMarked || undefined}>
      <td role="cell" data-label="Time">
        {isMalformed(item) ? <span class="muted">unknown</span> : <Ago at={item.timestamp} />}
      </td>
      <td role="cell" class="figure mono" data-label="Partition">
        {item.partition}
      </td>
      <td role="cell" class="figure mono" data-label="Offset">
        <a class="offset" href={`?${link}`}>
          {item.offset}
        </a>
      </td>
      {isMalformed(item) ? (
        <td role="cell" class="bare malformed" colSpan={2}>
          <Icon name="alert" /> Cannot be read: {item.detail} <code>{item.error}</code>
        </td>
      ) : (
        <Cells item={item} />
      )}
    </tr>
  )
}

function Cells({ item }: { readonly item: RecordShown }) {
  return (
    <>
      <td role="cell" class="cut" data-label="Key">
        <KeyText item={item} />
      </td>
      <td role="cell" class="mono value-line cut" data-label="Value">
        <ValueText item={item} />
      </td>
    </>
  )
}

function KeyText({ item: { key, keyBase64 } }: { readonly item: RecordShown }) {
  if (keyBase64 !== undefined) return <Bytes base64={keyBase64} />
  if (key === null || key === undefined) return <span class="muted">none</span>
  return key === '' ? (
    <span class="muted">empty</span>
  ) : (
    <Name mono text={key.slice(0, PREVIEW_UNITS)} />
  )
}

function ValueText({
  item: { value, valueBase64 },
}: {
  readonly item: RecordShown
}): ComponentChild {
  if (valueBase64 !== undefined) return <Bytes base64={valueBase64} />
  if (value === null || value === undefined) return <span class="muted">null (tombstone)</span>
  return value === '' ? <span class="muted">empty</span> : value.slice(0, PREVIEW_UNITS)
}

function Bytes({ base64 }: { readonly base64: string }) {
  const first = atob(base64.slice(0, 32))
  const hex = [...first].map((unit) => unit.charCodeAt(0).toString(16).padStart(2, '0'))
  return (
    <span class="mono">
      <span class="muted">bytes</span> {hex.join(' ')}
    </span>
  )
}
