// /topics/:topic: the messages of a topic, and in tabs what else there is of it. Each tab has its URL.

import { useEffect } from 'preact/hooks'
import { useMayWithTopic } from '../../broker/me.ts'
import { Name } from '../../parts/name.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { query } from '../../shell/router.ts'
import type { ViewProps } from '../../shell/routes.tsx'
import { ConfigTab } from './config-tab.tsx'
import { GroupsTab } from './groups-tab.tsx'
import { MessagesTab } from './messages-tab.tsx'
import { PartitionsTab } from './partitions-tab.tsx'
import { ProduceTab } from './produce-tab.tsx'

const TABS = [
  ['', 'Messages'],
  ['produce', 'Produce'],
  ['partitions', 'Partitions'],
  ['config', 'Configuration'],
  ['groups', 'Groups'],
] as const

/** The view. */
export default function TopicView({ params }: ViewProps) {
  const topic = params.topic ?? ''
  const tab = query.value.get('tab') ?? ''
  const may = useMayWithTopic(topic)
  const tabs = TABS.filter(([id]) => id !== 'produce' || may('WRITE'))
  const here = `/topics/${encodeURIComponent(topic)}`
  useEffect(() => {
    document.title = `${topic} · Ottla`
  }, [topic])
  return (
    <div class="view">
      <div class="view-head">
        <h1 class="crumbs">
          <a href="/topics">Topics</a>
          <span class="muted" aria-hidden="true">
            /
          </span>
          <Name text={topic} />
        </h1>
      </div>
      <Tabs
        label="Of this topic"
        tabs={tabs.map(([id, label]) => ({
          href: id === '' ? here : `${here}?tab=${id}`,
          label,
          isCurrent: id === tab,
        }))}
      />
      {tab === '' && <MessagesTab key={topic} topic={topic} />}
      {tab === 'produce' && may('WRITE') && <ProduceTab key={topic} topic={topic} />}
      {tab === 'partitions' && <PartitionsTab key={topic} topic={topic} />}
      {tab === 'config' && <ConfigTab key={topic} topic={topic} />}
      {tab === 'groups' && <GroupsTab key={topic} topic={topic} />}
    </div>
  )
}
