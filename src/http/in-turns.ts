// The broker's own, by the name it has here.

// biome-ignore lint/performance/noBarrelFile: one function, which handlers and routes share.
export { inTurns } from '../broker/in-turns.ts'
