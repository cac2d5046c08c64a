// Where the page is: path and query as a signal, links without loading, and Back to the same scroll. What
// a view wants to find again after Back or by its link it keeps in the query. Not which view is whose
// path (routes.ts).

import { computed, type ReadonlySignal, signal } from '@preact/signals'

interface Place {
  readonly path: string
  readonly search: string
}

const here = signal<Place>(placeNow())

/** The path, decoded no further than the browser does. */
export const path: ReadonlySignal<string> = computed(() => here.value.path)
/** The query. */
export const query: ReadonlySignal<URLSearchParams> = computed(
  () => new URLSearchParams(here.value.search),
)

/** How deep the page was scrolled, by history entry; kept over a reload. */
const SCROLLS = 'ottla.scroll'
const SCROLLS_KEPT = 50
/** How long a view may take to be as tall as it was. */
const RESTORE_WITHIN_MS = 3_000

let entry = entryNow()

function placeNow(): Place {
  return { path: location.pathname, search: location.search }
}

function entryNow(): string {
  const known = (history.state as { entry?: string } | null)?.entry
  if (known !== undefined) return known
  const made = Math.random().toString(36).slice(2)
  history.replaceState({ entry: made }, '')
  return made
}

/** Goes to a place of this console. `replace`: not as a step of its own that Back undoes. */
export function go(href: string, { replace = false } = {}): void {
  const url = new URL(href, location.href)
  if (url.origin !== location.origin) {
    location.assign(href)
    return
  }
  const same = url.pathname === location.pathname
  rememberScroll()
  if (replace) history.replaceState({ entry }, '', url)
  else {
    entry = Math.random().toString(36).slice(2)
    history.pushState({ entry }, '', url)
  }
  here.value = placeNow()
  if (!same) {
    scrollTo(0, 0)
    queueMicrotask(() =>
      document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true }),
    )
  }
}

/** Changes parameters of the query; null or '' takes one away. */
export function setQuery(
  changes: Readonly<Record<string, string | null>>,
  { replace = true } = {},
): void {
  const parameters = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') parameters.delete(name)
    else parameters.set(name, value)
  }
  const search = parameters.toString()
  const href = `${location.pathname}${search === '' ? '' : `?${search}`}`
  if (href === location.pathname + location.search) return
  go(href, { replace })
}

/** Starts to listen: call it once. */
export function startRouter(): void {
  history.scrollRestoration = 'manual'
  addEventListener('popstate', () => {
    rememberScroll()
    entry = entryNow()
    here.value = placeNow()
    restoreScroll()
  })
  addEventListener('pagehide', rememberScroll)
  addEventListener('click', followLink)
  restoreScroll()
}

function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (link === null || link.target !== '' || link.hasAttribute('download')) return
  if (link.origin !== location.origin || !isOurs(link.pathname)) return
  event.preventDefault()
  go(link.href)
}

/** The rest is the broker's: JSON, the API's description. */
function isOurs(pathname: string): boolean {
  return !/^\/(v1|metrics|livez|readyz|openapi\.json|sign-in)(\/|$)/.test(pathname)
}

function scrolls(): Record<string, number> {
  try {
    return JSON.parse(sessionStorage.getItem(SCROLLS) ?? '{}') as Record<string, number>
  } catch {
    return {}
  }
}

function rememberScroll(): void {
  const { [entry]: _, ...others } = scrolls()
  const kept = Object.entries(others).slice(-SCROLLS_KEPT)
  sessionStorage.setItem(SCROLLS, JSON.stringify(Object.fromEntries([...kept, [entry, scrollY]])))
}

/** Waits until the view is tall enough, unless the person scrolls first. */
function restoreScroll(): void {
  const wanted = scrolls()[entry] ?? 0
  const of = entry
  const until = performance.now() + RESTORE_WITHIN_MS
  let isOver = false
  const stop = () => {
    isOver = true
  }
  addEventListener('wheel', stop, { once: true, passive: true })
  addEventListener('keydown', stop, { once: true })
  addEventListener('touchstart', stop, { once: true, passive: true })
  const attempt = () => {
    if (isOver || of !== entry || performance.now() > until) return
    const root = document.documentElement
    if (root.scrollHeight - root.clientHeight >= wanted) scrollTo(0, wanted)
    else requestAnimationFrame(attempt)
  }
  requestAnimationFrame(() => requestAnimationFrame(attempt))
}
