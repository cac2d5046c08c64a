// What is around every view: navigation, theme, the line that says when the broker does not answer, and
// the view of the path with its own chunk.

import { signal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect, useErrorBoundary, useState } from 'preact/hooks'
import { shownSince } from '../broker/age.ts'
import { ask, disconnectedSince, isSignedOut, lastAnswerAt } from '../broker/http.ts'
import { useMe } from '../broker/me.ts'
import { Palette, PaletteButtons } from '../palette/palette.tsx'
import { Icon } from '../parts/icon.tsx'
import { Ago } from '../parts/time.tsx'
import { Announcer } from './announce.tsx'
import { useKey } from './keys.ts'
import { go, path } from './router.ts'
import { routeOf, routes, type ViewProps } from './routes.tsx'
import { nextTheme, theme } from './theme.ts'
import { Toasts } from './toasts.tsx'

const isMenuOpen = signal(false)

/** The whole page. */
export function Shell() {
  const found = routeOf(path.value)
  const section = found?.route.under ?? found?.route.path
  const wantsSecret = isSignedOut.value
  useEffect(() => {
    // The broker's own page, which comes back here.
    const here = encodeURIComponent(location.pathname + location.search)
    if (wantsSecret) location.assign(`/sign-in?next=${here}`)
  }, [wantsSecret])
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it is a link, whose place is not one of the router's. */}
      <a class="skip" href="#main" onClick={toMain}>
        Skip to the content
      </a>
      <Rail section={section} />
      <div class="page">
        <Connection />
        <main id="main" tabIndex={-1}>
          {found === null ? <NoSuchPage /> : <View key={found.route.path} {...found} />}
        </main>
      </div>
      <Palette />
      <Toasts />
      <Announcer />
    </>
  )
}

function toMain(event: Event): void {
  event.preventDefault()
  document.querySelector<HTMLElement>('main')?.focus()
}

function Rail({ section }: { readonly section: string | undefined }) {
  const entries = routes.filter(({ nav }) => nav !== undefined)
  const here = path.value
  useEffect(() => {
    isMenuOpen.value = false
  }, [here])
  return (
    <header class="rail">
      <div class="rail-head">
        <a class="brand" href="/">
          <Icon name="ottla" />
          <span>Ottla</span>
        </a>
        <button
          type="button"
          class="icon-button rail-menu"
          aria-expanded={isMenuOpen.value}
          aria-controls="navigation"
          aria-label="Menu"
          onClick={() => (isMenuOpen.value = !isMenuOpen.value)}
        >
          <Icon name={isMenuOpen.value ? 'close' : 'menu'} />
        </button>
      </div>
      <nav id="navigation" aria-label="Views" data-open={isMenuOpen.value}>
        <ul>
          {entries.map(({ path: href, nav }) => (
            <li key={href}>
              <a href={href} aria-current={section === href ? 'page' : undefined}>
                {nav !== undefined && <Icon name={nav.icon} />}
                {nav?.label}
              </a>
              {nav !== undefined && <NavKey href={href} label={nav.label} />}
            </li>
          ))}
        </ul>
        <div>
          <PaletteButtons />
          <ThemeButton />
          <Person />
        </div>
      </nav>
    </header>
  )
}

/** `g` and the first letter goes there. */
function NavKey({ href, label }: { readonly href: string; readonly label: string }) {
  const letter = NAV_LETTERS[href] ?? label.charAt(0).toLowerCase()
  useKey(`g ${letter}`, `Go to ${label}`, () => go(href))
  return null
}

/** Where the first letter is somebody else's. */
const NAV_LETTERS: Readonly<Record<string, string>> = { '/transactions': 'x' }

const THEME_WORDS = { system: 'System theme', light: 'Light theme', dark: 'Dark theme' } as const

function ThemeButton() {
  const words = THEME_WORDS[theme.value]
  return (
    <button type="button" class="theme" onClick={nextTheme} aria-label={`${words}: change it`}>
      <Icon name={theme.value === 'dark' ? 'moon' : theme.value === 'light' ? 'sun' : 'screen'} />
      <span>{words}</span>
    </button>
  )
}

/** Who one is here, and how to be somebody else. Nothing where nobody is asked. */
function Person() {
  const me = useMe()
  if (me === undefined || me.isOpen) return null
  const user = me.principal.replace(/^User:/, '')
  const name = me.tenant === undefined ? user : `${me.tenant}/${user}`
  const here = encodeURIComponent(location.pathname + location.search)
  if (user === 'ANONYMOUS') {
    return (
      <a class="theme" href={`/sign-in?next=${here}`}>
        Sign in
      </a>
    )
  }
  return (
    <form class="person" method="post" action="/sign-out">
      <span class="person-name" title={`Signed in as ${name}`}>
        {name}
      </span>
      {me.isSession && (
        <button type="submit" class="link">
          Sign out
        </button>
      )}
    </form>
  )
}

/** Says since when nobody answers, and how old what is shown is. */
function Connection() {
  if (disconnectedSince.value === null) return null
  return (
    <p class="connection" role="alert">
      <Icon name="alert" />
      <span>
        The broker does not answer. <AgeOfAll />; it is asked again every two seconds.
      </span>
    </p>
  )
}

function AgeOfAll() {
  const readAt = shownSince.value
  if (readAt !== null) {
    return (
      <>
        What is shown was read <Ago at={readAt} />
      </>
    )
  }
  if (lastAnswerAt.value === 0) return <>Nothing has been read yet</>
  return (
    <>
      It last did <Ago at={lastAnswerAt.value} />
    </>
  )
}

const loaded = new Map<string, ComponentType<ViewProps>>()

function View({ route, params }: NonNullable<ReturnType<typeof routeOf>>) {
  const [, setLoads] = useState(0)
  const [failure, setFailure] = useState<unknown>(null)
  const [error, resetError] = useErrorBoundary()
  const Shown = loaded.get(route.path)
  useEffect(() => {
    if (Shown !== undefined) return
    route.load().then(
      (module) => {
        loaded.set(route.path, module.default)
        setLoads((count) => count + 1)
      },
      (reason: unknown) => {
        setFailure(reason)
        // An import does not say why. If it is the secret that is wanted, this does.
        ask('/v1/cluster').catch(() => {})
      },
    )
  }, [route])
  if (failure !== null) {
    return (
      <Broken what="This view could not be loaded" why={failure} again={() => location.reload()} />
    )
  }
  if (error !== undefined) {
    return <Broken what="This view failed" why={error} again={resetError} />
  }
  return Shown === undefined ? <div class="view" aria-busy="true" /> : <Shown params={params} />
}

function Broken({
  what,
  why,
  again,
}: {
  readonly what: string
  readonly why: unknown
  readonly again: () => void
}) {
  return (
    <div class="view">
      <h1>{what}</h1>
      <p class="muted">{why instanceof Error ? why.message : String(why)}</p>
      <p>
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      </p>
    </div>
  )
}

function NoSuchPage() {
  return (
    <div class="view">
      <h1>There is no such page</h1>
      <p class="muted">
        <a href="/">The overview</a> and <a href="/topics">the topics</a> are.
      </p>
    </div>
  )
}
