// Deleting a group: what is lost is said, and its id is asked for.

import { ask, pathOf } from '../../broker/http.ts'
import { outdate } from '../../broker/reading.ts'
import { ConfirmByName } from '../../parts/dialog.tsx'
import { counted } from '../../parts/format.ts'
import { go } from '../../shell/router.ts'
import { tellDone } from '../../shell/toasts.tsx'
import type { GroupShown } from './shapes.ts'

/** Asks whether a group is to be deleted. */
export function DeleteGroup({
  group: { groupId, members, offsets },
  onClose,
}: {
  readonly group: GroupShown
  readonly onClose: () => void
}) {
  const committed = offsets.filter((one) => one.committed !== null)
  const topics = new Set(committed.map(({ topic }) => topic)).size
  const run = async () => {
    await ask(pathOf(['groups', groupId]), { method: 'DELETE' })
    tellDone(`${groupId} deleted`)
    onClose()
    go('/groups')
    outdate(pathOf(['groups']))
  }
  return (
    <ConfirmByName
      title="Delete this group"
      name={groupId}
      action="Delete it"
      run={run}
      onClose={onClose}
    >
      <p>
        Its place in {counted(committed.length, 'partition')} of {counted(topics, 'topic')} is lost.
        Records stay; a group of this id that comes back starts where its own settings say.
      </p>
      {members.length > 0 && (
        <p>
          {counted(members.length, 'member')} {members.length === 1 ? 'is' : 'are'} in it: the
          broker refuses until {members.length === 1 ? 'it has' : 'they have'} left.
        </p>
      )}
    </ConfirmByName>
  )
}
