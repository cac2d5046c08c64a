// Small controls that many views have: a search field that the key `/` goes to, a button that copies, a
// menu of actions.

import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { bindKey } from '../shell/keys.ts'
import { tellDone, tellFailed } from '../shell/toasts.tsx'
import { Icon, type IconName } from './icon.tsx'

/** Looks for text; `/` goes there. */
export function Search({
  label,
  value,
  onSearch,
}: {
  readonly label: string
  readonly value: string
  readonly onSearch: (text: string) => void
}) {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => bindKey('/', label, () => input.current?.focus()), [label])
  return (
    <label class="search">
      <span class="only-read">{label}</span>
      <Icon name="search" />
      <input
        ref={input}
        class="input"
        type="search"
        placeholder={label}
        value={value}
        spellcheck={false}
        onInput={({ currentTarget }) => onSearch(currentTarget.value)}
      />
    </label>
  )
}

/** Copies text, and says so. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    tellDone(`${what} copied`)
  } catch {
    tellFailed(`${what} could not be copied: the browser does not allow it here`)
  }
}

/** An entry of a menu. */
export interface Action {
  readonly label: string
  readonly icon?: IconName
  readonly isBad?: boolean
  readonly run: () => void
}

/** A button that opens a list of actions. */
export function Menu({
  label,
  actions,
}: {
  readonly label: string
  readonly actions: readonly Action[]
}) {
  const [isOpen, setOpen] = useState(false)
  const list = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const id = useId()
  useEffect(() => {
    if (!isOpen) return
    list.current?.querySelector('button')?.focus()
    const close = ({ target }: Event) => {
      if (target instanceof Node && list.current?.contains(target)) return
      if (target instanceof Node && button.current?.contains(target)) return
      setOpen(false)
    }
    addEventListener('pointerdown', close)
    addEventListener('focusin', close)
    return () => {
      removeEventListener('pointerdown', close)
      removeEventListener('focusin', close)
    }
  }, [isOpen])
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      setOpen(false)
      button.current?.focus()
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const all = [...(list.current?.querySelectorAll<HTMLElement>('button') ?? [])]
      const { activeElement } = document
      const at = activeElement instanceof HTMLElement ? all.indexOf(activeElement) : -1
      const step = event.key === 'ArrowDown' ? 1 : -1
      all[(at + step + all.length) % all.length]?.focus()
    } else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <div class="menu">
      <button
        ref={button}
        type="button"
        class="icon-button"
        aria-label={label}
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="more" />
      </button>
      {isOpen && (
        <div ref={list} id={id} class="menu-list" role="menu" onKeyDown={onKeyDown} tabIndex={-1}>
          {actions.map(({ label: words, icon, isBad, run }) => (
            <button
              key={words}
              type="button"
              role="menuitem"
              class={isBad ? 'bad' : undefined}
              onClick={() => {
                setOpen(false)
                run()
              }}
            >
              {icon !== undefined && <Icon name={icon} />}
              {words}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}

/** A figure with its label: totals of an overview. */
export function Figure({
  label,
  children,
}: {
  readonly label: string
  readonly children: ComponentChildren
}) {
  return (
    <div class="big-figure">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}
