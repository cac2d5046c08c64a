import { describe, expect, it } from 'vitest'
import { createLog, parsePrinted } from '../../src/cli/log.ts'
import type { LogLevel } from '../../src/core/env.ts'

function logged(
  level: LogLevel,
  json: boolean,
  write: (log: ReturnType<typeof createLog>) => void,
) {
  let text = ''
  const now = () => new Date(0)
  write(createLog({ level, json, now, write: (line) => (text += line) }))
  return text
}

describe('a log line', () => {
  it('holds time, level, event and fields, quoted where they would not be one word', () => {
    const fields = { topic: 'a b', count: 2, empty: '', quoted: 'x"y' }
    expect(logged('info', false, (log) => log('warn', 'slow', fields))).toBe(
      '1970-01-01T00:00:00.000Z WARN  slow topic="a b" count=2 empty="" quoted="x\\"y"\n',
    )
  })

  it('is one JSON object when asked', () => {
    expect(logged('info', true, (log) => log('info', 'x', { a: 'b\nc' }))).toBe(
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"x","a":"b\\nc"}\n',
    )
  })

  it('never spreads over two lines', () => {
    const text = logged('info', false, (log) => log('info', 'x', { a: 'b\nc' }))
    expect(text.split('\n')).toHaveLength(2)
  })

  it.each([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const)('at level %s lets %i of four levels through', (level, count) => {
    const text = logged(level, false, (log) => {
      for (const each of ['debug', 'info', 'warn', 'error'] as const) log(each, 'x')
    })
    expect(text.split('\n')).toHaveLength(count + 1)
  })
})

describe('a line that workerd printed', () => {
  it.each([
    [
      '{"level":"warn","event":"retry","topic":"a","time":1}',
      { level: 'warn', event: 'retry', fields: { topic: 'a' } },
    ],
    [
      'workerd/server/listen.rs:372: error: Uncaught exception: boom',
      { level: 'error', event: 'workerd', fields: { message: 'Uncaught exception: boom' } },
    ],
    [
      'kj/x.c++:1: warning: careful',
      { level: 'warn', event: 'workerd', fields: { message: 'careful' } },
    ],
    ['stack: 1 2 3', { level: 'warn', event: 'workerd', fields: { message: 'stack: 1 2 3' } }],
    [
      '{"level":"loud"}',
      { level: 'warn', event: 'workerd', fields: { message: '{"level":"loud"}' } },
    ],
    ['{broken', { level: 'warn', event: 'workerd', fields: { message: '{broken' } }],
  ])('%s', (line, expected) => {
    expect(parsePrinted(line, 'warn')).toEqual(expected)
  })
})
