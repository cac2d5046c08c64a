// Which view is at which path. A view is a chunk of its own, loaded when it is gone to (that of a topic is in
// the first, because it asks the most by itself); `nav` is its place in the navigation. One row here is all that
// a new view needs.

import type { ComponentType } from 'preact'
import type { IconName } from '../parts/icon.tsx'
import TopicView from '../views/topic/topic.tsx'

/** What a view is given: the parts of its path, decoded. */
export interface ViewProps {
  readonly params: Readonly<Record<string, string>>
}

/** A row of the table. */
export interface ViewRoute {
  /** `:name` is one part of the path. */
  readonly path: string
  readonly load: () => Promise<{ readonly default: ComponentType<ViewProps> }>
  readonly nav?: { readonly label: string; readonly icon: IconName }
  /** Of the navigation's entry that this view belongs to, where it is not one itself. */
  readonly under?: string
}

export const routes: readonly ViewRoute[] = [
  {
    path: '/',
    load: () => import('../views/overview/overview.tsx'),
    nav: { label: 'Overview', icon: 'overview' },
  },
  {
    path: '/topics',
    load: () => import('../views/topics/topics.tsx'),
    nav: { label: 'Topics', icon: 'topics' },
  },
  {
    path: '/topics/:topic',
    load: async () => ({ default: TopicView }),
    under: '/topics',
  },
  {
    path: '/groups',
    load: () => import('../views/groups/groups.tsx'),
    nav: { label: 'Groups', icon: 'groups' },
  },
  {
    path: '/groups/:group',
    load: () => import('../views/groups/group.tsx'),
    under: '/groups',
  },
  {
    path: '/transactions',
    load: () => import('../views/transactions/transactions.tsx'),
    nav: { label: 'Transactions', icon: 'transactions' },
  },
  {
    path: '/cluster',
    load: () => import('../views/cluster/cluster.tsx'),
    nav: { label: 'Cluster', icon: 'cluster' },
  },
]

/** The route of a path and what its parts are; null where there is none. */
export function routeOf(path: string): { route: ViewRoute; params: Record<string, string> } | null {
  const parts = partsOf(path)
  for (const route of routes) {
    const wanted = partsOf(route.path)
    if (wanted.length !== parts.length) continue
    const params: Record<string, string> = {}
    const fits = wanted.every((want, at) => {
      const part = parts[at] ?? ''
      if (!want.startsWith(':')) return want === part
      params[want.slice(1)] = decoded(part)
      return true
    })
    if (fits) return { route, params }
  }
  return null
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '')
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
