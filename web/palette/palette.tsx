// What can be opened from everywhere: the palette that goes to anything by name (Ctrl-K) and the list of the
// keys in force (?). Each has a button, so that nobody has to know its key. The palette is a chunk of its own.

import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { Icon } from '../parts/icon.tsx'
import { useKey } from '../shell/keys.ts'
import { routes } from '../shell/routes.tsx'
import { tellFailed } from '../shell/toasts.tsx'
import type { Place } from './places.ts'

const open = signal<'find' | 'keys' | null>(null)

type Windows = typeof import('./windows.ts').windows

function views(): readonly Place[] {
  return routes.flatMap(({ path, nav }) =>
    nav === undefined ? [] : { name: nav.label, kind: 'view', icon: nav.icon, href: path },
  )
}

/** The buttons of the two, for the navigation. */
export function PaletteButtons() {
  const show = (what: 'find' | 'keys') => {
    open.value = what
  }
  return (
    <>
      <button type="button" class="theme" onClick={() => show('find')}>
        <Icon name="search" />
        <span>Go to…</span>
        <kbd>Ctrl K</kbd>
      </button>
      <button type="button" class="theme" onClick={() => show('keys')}>
        <Icon name="keys" />
        <span>Keys</span>
        <kbd>?</kbd>
      </button>
    </>
  )
}

/** What they open, and their keys. Not in the navigation, which narrow screens hide with all that is in it. */
export function Palette() {
  const [windows, setWindows] = useState<Windows | null>(null)
  const isWanted = open.value !== null
  useKey('mod+k', 'Go to anything by name', () => {
    open.value = 'find'
  })
  useKey('?', 'List the keys', () => {
    open.value = 'keys'
  })
  const close = () => {
    open.value = null
  }
  useEffect(() => {
    if (!isWanted || windows !== null) return
    import('./windows.ts').then(
      (loaded) => setWindows(loaded.windows),
      () => {
        close()
        tellFailed('This could not be loaded; try again')
      },
    )
  }, [isWanted])
  if (windows === null) return null
  if (open.value === 'find') return <windows.Find views={views()} onClose={close} />
  return open.value === 'keys' ? <windows.Keys onClose={close} /> : null
}
