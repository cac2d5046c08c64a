// The table of views and their states is of all views that the console has: each path that it routes, each tab of a topic.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { ROWS } from '../browser/view-states.ts'

const WEB = resolve(import.meta.dirname, '../../web')
const textOf = (path: string) => readFileSync(resolve(WEB, path), 'utf8')

/** Paths as they are routed, and `?tab=…` of a topic. */
function routed(): string[] {
  const paths = [...textOf('shell/routes.tsx').matchAll(/path: '(\/[^']*)'/g)]
  const [, tabs = ''] =
    /const TABS = \[(.*?)\] as const/s.exec(textOf('views/topic/topic.tsx')) ?? []
  const ids = [...tabs.matchAll(/\['(\w+)',/g)]
  return [
    ...paths.map(([, path = '']) => path),
    ...ids.map(([, id = '']) => `/topics/:topic?tab=${id}`),
  ]
}

/** The row's path as it is routed. */
function routeOf(path: string): string {
  const { pathname, searchParams } = new URL(path, 'http://console')
  const route = pathname.replace(/^\/(topic|group)s\/.+$/, '/$1s/:$1')
  const tab = searchParams.get('tab')
  return tab === null ? route : `${route}?tab=${tab}`
}

it('each view has a row in the table of states', () => {
  const found = routed()
  expect(found).toContain('/topics/:topic?tab=config')
  expect(found).toContain('/groups/:group')
  const rows = ROWS.map(([, { path }]) => routeOf(path))
  expect(found.filter((path) => !rows.includes(path))).toEqual([])
  expect(rows.filter((path) => !found.includes(path))).toEqual([])
})
