// Finds the source text of parts of a JSON document, because a value that is JSON is stored as the
// text that was sent: parsing and printing again would round large numbers and drop duplicate keys.
// Not a parser: the text must have passed JSON.parse.

import { badRequest, type Problem } from './problem.ts'

/** The document, or INVALID_REQUEST with what the parser says. */
export function parseJson(text: string): { readonly value: unknown } | Problem {
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    return badRequest('', `not valid JSON: ${error instanceof Error ? error.message : error}`)
  }
}

/** Start and end (exclusive) of a value in its document, in UTF-16 units. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** The members of the object that starts at `at`; the last of equal names counts, as in JSON.parse. */
export function memberSpans(text: string, at: number): Map<string, Span> {
  const members = new Map<string, Span>()
  let next = skipSpace(text, skipSpace(text, at) + 1)
  while (text[next] !== '}') {
    const nameEnd = skipString(text, next)
    const name: string = JSON.parse(text.slice(next, nameEnd))
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const end = skipValue(text, start)
    members.set(name, { start, end })
    next = afterComma(text, end)
  }
  return members
}

/** The elements of the array that starts at `at`, in order. */
export function elementSpans(text: string, at: number): Span[] {
  const elements: Span[] = []
  let start = skipSpace(text, skipSpace(text, at) + 1)
  while (text[start] !== ']') {
    const end = skipValue(text, start)
    elements.push({ start, end })
    start = afterComma(text, end)
  }
  return elements
}

function afterComma(text: string, at: number): number {
  const next = skipSpace(text, at)
  return text[next] === ',' ? skipSpace(text, next + 1) : next
}

function skipSpace(text: string, at: number): number {
  let next = at
  while (isSpace(text.charCodeAt(next))) next++
  return next
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09
}

/** From an opening quote to behind the closing one. */
function skipString(text: string, at: number): number {
  let next = at + 1
  for (;;) {
    const quote = text.indexOf('"', next)
    if (quote < 0) throw new Error('not a JSON document: a string does not end')
    let backslashes = 0
    while (text[quote - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return quote + 1
    next = quote + 1
  }
}

function skipValue(text: string, at: number): number {
  const first = text[at]
  if (first === '"') return skipString(text, at)
  if (first === '{' || first === '[') return skipNested(text, at)
  let next = at
  while (next < text.length && !/[\s,\]}]/.test(text[next] ?? '')) next++
  return next
}

function skipNested(text: string, at: number): number {
  let depth = 0
  let next = at
  do {
    const unit = text[next]
    if (unit === undefined) throw new Error('not a JSON document: a bracket is not closed')
    if (unit === '"') {
      next = skipString(text, next)
      continue
    }
    if (unit === '{' || unit === '[') depth++
    else if (unit === '}' || unit === ']') depth--
    next++
  } while (depth > 0)
  return next
}
