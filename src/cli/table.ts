// Rows on standard output: aligned with a heading for people, tab by tab without one for programs, and as JSON, an item
// a line, when that was asked for.

import type { Io } from './command.ts'

/** A column: its heading, what it shows of an item, and whether that is a number. */
export interface Column<Item> {
  readonly heading: string
  readonly of: (item: Item) => string | number | null | undefined
  readonly isNumber?: boolean
}

/** How rows are printed. */
export interface Printing {
  readonly json: boolean
}

/** Prints all items. Aligning needs them together; otherwise each is printed as it comes. */
export async function printAll<Item>(
  items: AsyncIterable<Item>,
  columns: readonly Column<Item>[],
  io: Io,
  { json }: Printing,
): Promise<number> {
  const isAligned = io.isTty.out && !json
  const kept: string[][] = []
  let count = 0
  for await (const item of items) {
    count++
    if (json) io.out(JSON.stringify(item))
    else if (isAligned) kept.push(columns.map((column) => shown(column, item)))
    else io.out(columns.map((column) => shown(column, item)).join('\t'))
  }
  if (isAligned && count > 0) for (const line of aligned(kept, columns)) io.out(line)
  return count
}

/** Lines of a table with its heading, in faint letters. */
function aligned<Item>(
  rows: readonly (readonly string[])[],
  columns: readonly Column<Item>[],
): string[] {
  const widths = columns.map(({ heading }, at) =>
    Math.max(heading.length, ...rows.map((row) => (row[at] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => {
        const width = widths[at] ?? 0
        return columns[at]?.isNumber === true ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  const headings = line(columns.map(({ heading }) => heading))
  return [isColourful() ? `\x1b[2m${headings}\x1b[22m` : headings, ...rows.map(line)]
}

/** https://no-color.org */
function isColourful(): boolean {
  return !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}

/** Names come from whoever made them: what a terminal would obey is not printed. */
function shown<Item>({ of }: Column<Item>, item: Item): string {
  const value = of(item)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return String(value ?? '-').replace(/[\x00-\x1f\x7f-\x9f]/g, '\u{fffd}')
}
