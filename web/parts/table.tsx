// Tables: real ones, whose rows become cards on narrow screens (roles are said again, because a row that
// is laid out as a card is no row to a browser). Rows beyond what fits are made when one comes near.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { setQuery } from '../shell/router.ts'
import { Icon } from './icon.tsx'

/** A column. */
export interface Column<Row> {
  readonly id: string
  readonly label: string
  /** Figures stand on the right. */
  readonly align?: 'right'
  /** A CSS width; without one it shares what is left. */
  readonly width?: string
  /** What the rows are ordered by; a column without it cannot order them. */
  readonly sortBy?: (row: Row) => string | number
  /** The larger first, when it is chosen. */
  readonly largestFirst?: boolean
  /** Left out where neither it nor cards fit. */
  readonly wide?: boolean
  /** In a card without its label: the name that the card is about, or the controls. */
  readonly bare?: boolean
  readonly cell: (row: Row) => ComponentChildren
}

/** What a table shows. */
export interface TableProps<Row> {
  /** What the rows are, for who has it read out. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string | number
  readonly sort?: Sort
  /** Clicks on a heading. */
  readonly onSort?: (sort: Sort) => void
  /** A row that stands out. */
  readonly isMarked?: (row: Row) => boolean
  /** Rows that take this much are there before the real ones come. */
  readonly loadingRows?: number
}

/** An order: a column's id and which way. */
export interface Sort {
  readonly by: string
  readonly down: boolean
}

const FIRST_ROWS = 100
const MORE_ROWS = 200

/** A table. */
export function Table<Row>(props: TableProps<Row>) {
  const { caption, columns, rows, keyOf, sort, onSort, isMarked, loadingRows } = props
  const [shown, more] = useGrowing(rows.length)
  const ordered = sort === undefined ? rows : sorted(rows, columns, sort)
  return (
    <>
      {onSort !== undefined && sort !== undefined && <SortChoice {...{ columns, sort, onSort }} />}
      <table class="table" role="table">
        <caption class="only-read">{caption}</caption>
        <colgroup>
          {columns.map(({ id, width, wide }) => (
            <col
              key={id}
              class={wide ? 'wide' : undefined}
              style={width === undefined ? {} : { width }}
            />
          ))}
        </colgroup>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <Heading key={column.id} {...{ column, sort, onSort }} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" aria-busy={loadingRows !== undefined}>
          {loadingRows !== undefined
            ? Array.from({ length: loadingRows }, (_, at) => (
                <tr key={`loading-${String(at)}`} role="row" class="loading-row">
                  {columns.map((column) => (
                    <td key={column.id} role="cell" class={cellClass(column)}>
                      <span class="bone" />
                    </td>
                  ))}
                </tr>
              ))
            : ordered.slice(0, shown).map((row) => (
                <tr key={keyOf(row)} role="row" data-marked={isMarked?.(row) || undefined}>
                  {columns.map((column) => (
                    <td
                      key={column.id}
                      role="cell"
                      class={cellClass(column)}
                      data-label={column.bare ? undefined : column.label}
                    >
                      {column.cell(row)}
                    </td>
                  ))}
                </tr>
              ))}
        </tbody>
      </table>
      {shown < rows.length && <div ref={more} class="table-more" />}
    </>
  )
}

function cellClass<Row>({ align, bare, wide }: Column<Row>): string {
  const classes = [align === 'right' && 'figure', bare && 'bare', wide && 'wide']
  return classes.filter((one) => typeof one === 'string').join(' ')
}

function Heading<Row>({
  column,
  sort,
  onSort,
}: {
  readonly column: Column<Row>
  readonly sort: Sort | undefined
  readonly onSort: ((sort: Sort) => void) | undefined
}) {
  const { id, label, sortBy, largestFirst = false } = column
  const style = cellClass({ ...column, bare: false })
  const isSorted = sort?.by === id
  if (sortBy === undefined || onSort === undefined) {
    return (
      <th scope="col" role="columnheader" class={style}>
        {label === '' ? <span class="only-read">Actions</span> : label}
      </th>
    )
  }
  const next = { by: id, down: isSorted ? !sort.down : largestFirst }
  return (
    <th
      scope="col"
      role="columnheader"
      class={style}
      aria-sort={isSorted ? (sort.down ? 'descending' : 'ascending') : 'none'}
    >
      <button type="button" class="sort" onClick={() => onSort(next)}>
        {label}
        <span class="sort-mark" data-on={isSorted}>
          <Icon name={isSorted && sort.down ? 'down' : 'up'} />
        </span>
      </button>
    </th>
  )
}

/** The headings of cards: there are none, so the order is chosen from a list. */
function SortChoice<Row>({
  columns,
  sort,
  onSort,
}: {
  readonly columns: readonly Column<Row>[]
  readonly sort: Sort
  readonly onSort: (sort: Sort) => void
}) {
  const choices = columns.filter(({ sortBy }) => sortBy !== undefined)
  return (
    <label class="sort-choice field-inline">
      <span>Order by</span>
      <select
        class="input"
        value={sort.by}
        onChange={({ currentTarget }) => {
          const chosen = choices.find(({ id }) => id === currentTarget.value)
          onSort({ by: currentTarget.value, down: chosen?.largestFirst ?? false })
        }}
      >
        {choices.map(({ id, label }) => (
          <option key={id} value={id}>
            {label}
          </option>
        ))}
      </select>
    </label>
  )
}

/** The rows in an order; equal ones as they were. */
export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { by, down }: Sort,
): readonly Row[] {
  const sortBy = columns.find(({ id }) => id === by)?.sortBy
  if (sortBy === undefined) return rows
  const turn = down ? -1 : 1
  return rows.toSorted((one, other) => {
    const [a, b] = [sortBy(one), sortBy(other)]
    return a === b ? 0 : a < b ? -turn : turn
  })
}

/** Which order the query says, and how it is chosen. */
export function sortOf(query: URLSearchParams, fallback: Sort): Sort {
  const text = query.get('sort')
  if (text === null) return fallback
  return text.startsWith('-') ? { by: text.slice(1), down: true } : { by: text, down: false }
}

/** Keeps an order in the query. */
export function keepSort({ by, down }: Sort): void {
  setQuery({ sort: `${down ? '-' : ''}${by}` })
}

/** How many rows there are now: more when the end comes near. */
function useGrowing(total: number) {
  const [shown, setShown] = useState(FIRST_ROWS)
  const end = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (end.current === null) return
    const seen = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting && setShown((n) => n + MORE_ROWS),
      { rootMargin: '1000px' },
    )
    seen.observe(end.current)
    return () => seen.disconnect()
  }, [shown, total])
  return [shown, end] as const
}
