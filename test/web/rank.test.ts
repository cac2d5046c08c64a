// Which names the palette finds for a text, and in which order.

import { describe, expect, it } from 'vitest'
import { ranked } from '../../web/palette/rank.ts'

const places = ['old-orders', 'orders.dead', 'Orders', 'payments'].map((name) => ({ name }))
const names = (text: string) => ranked(places, text).map(({ name }) => name)

describe('the places of a text', () => {
  it('are those that have it in their name, in any letter case: the name itself, beginnings, the rest', () => {
    expect(names('orders')).toEqual(['Orders', 'orders.dead', 'old-orders'])
    expect(names('PAY')).toEqual(['payments'])
  })

  it('are all, as they came, without a text, and none where nothing has it', () => {
    expect(names('')).toEqual(places.map(({ name }) => name))
    expect(names('orders2')).toEqual([])
  })
})
