// A state in a word with a dot: the colour never says it alone.

import type { ComponentChildren } from 'preact'

/** How good a state is. */
export type Tone = 'good' | 'warn' | 'bad' | 'plain' | 'accent'

/** One state. */
export function Pill({
  tone = 'plain',
  children,
}: {
  readonly tone?: Tone
  readonly children: ComponentChildren
}) {
  return <span class={`pill pill-${tone}`}>{children}</span>
}
