// What a view shows when it has nothing else to show: nothing there, nothing that matches, a failure. A
// failure stands above what was shown before, which stays.

import type { ComponentChildren } from 'preact'
import { type BrokerError, DISCONNECTED } from '../broker/http.ts'
import { Icon } from './icon.tsx'
import { Ago } from './time.tsx'

/** There is nothing, or nothing that matches, and what to do about it. */
export function Nothing({
  title,
  children,
}: {
  readonly title: string
  readonly children?: ComponentChildren
}) {
  return (
    <div class="nothing">
      <p class="nothing-title">{title}</p>
      {children}
    </div>
  )
}

/** What failed, with the broker's code, and again. Of a broker that is silent the page says so itself. */
export function Failure({
  what,
  error,
  at,
  again,
}: {
  readonly what: string
  readonly error: BrokerError | undefined
  /** When what is still shown was read. */
  readonly at?: number | undefined
  readonly again: () => void
}) {
  if (error === undefined || (error.code === DISCONNECTED && at !== undefined)) return null
  return (
    <div class="failure" role="alert">
      <Icon name="alert" />
      <p>
        <strong>{what}:</strong> {error.message} <code>{error.code}</code>
        {at !== undefined && (
          <span class="muted">
            {' '}
            What is shown was read <Ago at={at} />.
          </span>
        )}
      </p>
      <button type="button" class="button" onClick={again}>
        Try again
      </button>
    </div>
  )
}
