// Dialogs: the browser's own, which keep the focus and close by Escape. `ConfirmByName` is the one for
// what cannot be taken back: it says what goes, and wants the name typed.

import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { BrokerError } from '../broker/http.ts'
import { Icon } from './icon.tsx'

/** A dialog that is open while it is there. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}) {
  const element = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useEffect(() => {
    const before = document.activeElement
    element.current?.showModal()
    return () => before instanceof HTMLElement && before.focus()
  }, [])
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-labelledby={heading}
      onClose={onClose}
      onClick={(event) => event.target === element.current && onClose()}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={heading}>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  )
}

/** A form whose sending may fail: what the broker said is shown, and what was typed stays. */
export function useSending(send: () => Promise<void>) {
  const [error, setError] = useState<BrokerError | null>(null)
  const [isSending, setSending] = useState(false)
  const submit = (event: Event) => {
    event.preventDefault()
    if (isSending) return
    setSending(true)
    setError(null)
    send()
      .catch((reason: unknown) => {
        if (!(reason instanceof BrokerError)) throw reason
        setError(reason)
      })
      .finally(() => setSending(false))
  }
  return { error, isSending, submit }
}

/** Why something was refused. */
export function Refusal({ error }: { readonly error: BrokerError | null }) {
  if (error === null) return null
  return (
    <p class="refusal" role="alert">
      <Icon name="alert" />
      <span>
        {error.message} <code>{error.code}</code>
      </span>
    </p>
  )
}

/** Asks for a name before something is done that cannot be taken back. */
export function ConfirmByName({
  title,
  name,
  action,
  children,
  run,
  onClose,
}: {
  readonly title: string
  readonly name: string
  readonly action: string
  readonly children: ComponentChildren
  readonly run: () => Promise<void>
  readonly onClose: () => void
}) {
  const [typed, setTyped] = useState('')
  const { error, isSending, submit } = useSending(run)
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <div>{children}</div>
        <label class="field">
          <span>
            Type <strong class="mono wrap">{name}</strong> to confirm
          </span>
          <input
            class="input mono"
            value={typed}
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        <Refusal error={error} />
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-bad" disabled={typed !== name || isSending}>
            {action}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
