// What every system that the bench starts tells about itself, and how one that cannot be started is
// reported: by a line and in the JSON, never in silence. Not the systems, which are the files beside this.

/** Name, version and the settings that matter, as printed with the figures. */
export interface Description {
  readonly name: string
  readonly version: string
  readonly settings: string
}

/** A system that was wanted and could not run, or that ran. */
export type Report = Description | { readonly name: string; readonly missing: string }

const reports = new Map<string, Report>()

/** All systems of this run so far, in the order they were first wanted. */
export function systemReports(): readonly Report[] {
  return [...reports.values()]
}

/** To be called once a system runs; prints it the first time. */
export function announce(description: Description): void {
  const { name, version, settings } = description
  if (!reports.has(name)) console.log(`system: ${name} ${version}; ${settings}`)
  reports.set(name, description)
}

/** Starts a system; when it cannot be, says why and gives null, and its figures are left out. */
export async function orMissing<S>(name: string, start: () => Promise<S>): Promise<S | null> {
  try {
    return await start()
  } catch (error) {
    const missing = error instanceof Error ? error.message.trim() : String(error)
    console.log(`missing: ${name}: ${missing}`)
    reports.set(name, { name, missing })
    return null
  }
}

/** The entries whose system could be started. */
export function present<Value>(
  systems: Readonly<Record<string, (() => Promise<Value>) | null>>,
): Record<string, () => Promise<Value>> {
  return Object.fromEntries(
    Object.entries(systems).filter(
      (entry): entry is [string, () => Promise<Value>] => entry[1] !== null,
    ),
  )
}
