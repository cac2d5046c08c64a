// JSON as a tree that opens and closes. Numbers are shown as they were written: an id of 19 digits is not
// rounded. Large arrays and objects show more by and by.

import { useState } from 'preact/hooks'

/** A number that is not safe as one, as it was written. */
class Digits {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** JSON text as the tree takes it; undefined for text that is not JSON. */
export function parseJson(text: string): { readonly value: unknown } | undefined {
  const first = text.trimStart()[0]
  if (first === undefined || !'{["-0123456789tfn'.includes(first)) return undefined
  try {
    return { value: JSON.parse(text, keepDigits) }
  } catch {
    return undefined
  }
}

/** Browsers that tell the text of a value give it as a third argument. */
function keepDigits(this: unknown, _: string, value: unknown, ...more: unknown[]): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const { source } = (more[0] ?? {}) as { source?: string }
  return source !== undefined && String(value) !== source ? new Digits(source) : value
}

/** Deeper than this is closed at first. */
const OPEN_DEPTH = 3
const PART = 100

/** A value as a tree. */
export function JsonTree({ value }: { readonly value: unknown }) {
  return (
    <div class="tree mono">
      <Node value={value} depth={0} />
    </div>
  )
}

interface NodeProps {
  readonly name?: string
  readonly value: unknown
  readonly depth: number
}

function Node({ name, value, depth }: NodeProps) {
  const isArray = Array.isArray(value)
  const isObject = typeof value === 'object' && value !== null && !(value instanceof Digits)
  if (!isObject) return <Leaf {...(name === undefined ? {} : { name })} value={value} />
  const entries: readonly (readonly [string, unknown])[] = isArray
    ? value.map((one, at) => [String(at), one] as const)
    : Object.entries(value)
  return <Branch {...{ name, entries, isArray, depth }} />
}

function Branch({
  name,
  entries,
  isArray,
  depth,
}: {
  readonly name: string | undefined
  readonly entries: readonly (readonly [string, unknown])[]
  readonly isArray: boolean
  readonly depth: number
}) {
  const [shown, setShown] = useState(PART)
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH)
  const [open, close] = isArray ? ['[', ']'] : ['{', '}']
  if (entries.length === 0) {
    return (
      <div class="tree-leaf">
        <Label name={name} />
        {open}
        {close}
      </div>
    )
  }
  return (
    <details open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <Label name={name} />
        {open}
        {!isOpen && (
          <span class="muted">
            {' '}
            {entries.length} {close}
          </span>
        )}
      </summary>
      {isOpen && (
        <div class="tree-inner">
          {entries.slice(0, shown).map(([key, one]) => (
            <Node key={key} name={key} value={one} depth={depth + 1} />
          ))}
          {shown < entries.length && (
            <button type="button" class="link" onClick={() => setShown(shown + PART)}>
              {entries.length - shown} more
            </button>
          )}
        </div>
      )}
      {isOpen && <div>{close}</div>}
    </details>
  )
}

function Leaf({ name, value }: { readonly name?: string; readonly value: unknown }) {
  const kind =
    value instanceof Digits ? 'number' : value === null ? 'word' : (KINDS[typeof value] ?? 'word')
  const text = value instanceof Digits ? value.text : JSON.stringify(value)
  return (
    <div class="tree-leaf">
      <Label name={name} />
      <span class={`tree-${kind}`}>{text}</span>
    </div>
  )
}

const KINDS: Readonly<Record<string, string>> = { string: 'string', number: 'number' }

function Label({ name }: { readonly name: string | undefined }) {
  return name === undefined ? null : <span class="tree-name">{name}: </span>
}
