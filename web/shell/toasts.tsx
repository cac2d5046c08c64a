// Short news of something that was done or failed, read out to who does not see it. Failures stay until
// they are closed.

import { signal } from '@preact/signals'
import { Icon } from '../parts/icon.tsx'

interface Toast {
  readonly id: number
  readonly text: string
  readonly kind: 'done' | 'failed'
}

const shown = signal<readonly Toast[]>([])
const STAYS_MS = 4_000
const MOST = 3
let nextId = 1

/** Says that something was done. */
export function tellDone(text: string): void {
  const id = add(text, 'done')
  setTimeout(() => close(id), STAYS_MS)
}

/** Says that something failed, and why. */
export function tellFailed(text: string): void {
  add(text, 'failed')
}

function add(text: string, kind: Toast['kind']): number {
  const id = nextId++
  shown.value = [...shown.peek(), { id, text, kind }].slice(-MOST)
  return id
}

function close(id: number): void {
  shown.value = shown.peek().filter((toast) => toast.id !== id)
}

/** The news, in the corner. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.value.map(({ id, text, kind }) => (
        <p key={id} class={`toast toast-${kind}`}>
          <Icon name={kind === 'done' ? 'check' : 'alert'} />
          <span>{text}</span>
          <button type="button" class="icon-button" aria-label="Close" onClick={() => close(id)}>
            <Icon name="close" />
          </button>
        </p>
      ))}
    </div>
  )
}
