// Values printed by Apache Kafka 4.1.1: Utils.murmur2 and BuiltInPartitioner.partitionForKey.

import { describe, expect, it } from 'vitest'
import { murmur2, partitionForKey } from '../../src/core/murmur2.ts'

type Known = readonly [keyHex: string, hash: number, of8: number, other: number]

/** Keys as people write them; the last column is the partition of 7. */
const TEXT_KEYS: readonly Known[] = [
  ['', 275646681, 1, 2],
  ['61', -1563381124, 4, 5],
  ['6162', 316155434, 2, 0],
  ['616263', 479470107, 3, 4],
  ['61626364', -1323649548, 4, 5],
  ['6162636465', 461995741, 5, 4],
  ['3231', -973932308, 4, 3],
  ['666f6f626172', -790332482, 6, 0],
  ['612d6c6974746c652d6269742d6c6f6e672d737472696e67', -985981536, 0, 1],
  ['612d6c6974746c652d6269742d6c6f6e6765722d737472696e67', -1486304829, 3, 0],
  [
    '6c6b6a683233346c68396669756839307932336f697568736166756a6861646f66323239706872396831396838396838',
    -58897971,
    5,
    3,
  ],
  ['7a61c5bcc3b3c582c4872067c499c59b6cc485206a61c5bac584', -1737940837, 3, 6],
  ['30', 971027396, 4, 3],
  ['6c69626336', -363145570, 6, 5],
  ['757365722d31', 1404122828, 4, 3],
  ['00c3bf', -1951946001, 7, 4],
]

/** Random bytes of every length from 0 to 39; the last column is the partition of 1000. */
const BINARY_KEYS: readonly Known[] = [
  ['', 275646681, 1, 681],
  ['73', -342070737, 7, 911],
  ['d89c', 4774570, 2, 570],
  ['6f0efb', 988846311, 7, 311],
  ['92f94d68', -1555930782, 2, 866],
  ['fccc2c35f0', 1078096385, 1, 385],
  ['e5f12c55dd85', 1972921184, 0, 184],
  ['d5d9bef76808f3', -1431406067, 5, 581],
  ['72e5900112b81927', -1025884615, 1, 33],
  ['ba5bb5f67e1bda28b4', -1881627410, 6, 238],
  ['e4aed78db15d7bf2fc0c', -1245497920, 0, 728],
  ['a99de4ef3bc2b17c8137ad', 2020362660, 4, 660],
  ['9878f9e93df1f658367aca28', 2128784680, 0, 680],
  ['6452474b9ef3765e24e9a88173', 1225736664, 0, 664],
  ['fb04b01dcceb0c8aead641c58dad', -827926404, 4, 244],
  ['81baeea87c10d40a47902028e61cfd', -466978358, 2, 290],
  ['43d9d16008aabc9fb77cc723a56017e1', -1922765112, 0, 536],
  ['4f1ce8b1698341734a6823ce02043e016b', -892024151, 1, 497],
  ['214a2ddab82fec85c0b9fe0549c475be5b88', 292731551, 7, 551],
  ['b8995b24fb5c6846f88b527b4f9d4c1391f167', 513129706, 2, 706],
  ['23ba4f9c9cd7bc93eb5776f4f036753448642946', -2020923947, 5, 701],
  ['61c5949faf17b130fcf6482f971a5500ac36bc02d8', -1449859531, 5, 117],
  ['a8223a2924827b7c9300952dc0c8cd7c4776578ae937', -2098695164, 4, 484],
  ['8f2f4df9845b55216546d43e0e7fce347052ff64e7e37c', -1896743619, 5, 29],
  ['d3c5b4376a0f13689000986e75b428f30319b03b49c85185', -1000813733, 3, 915],
  ['4b0fd1e3ebd8226396cacf096f4b7445ae2aa697d5d2e11c33', -1332016103, 1, 545],
  ['5dc4923a6dc5ad1e79fcebfd9ab608a7d25f14961a94fcfbf3b5', -1127941701, 3, 947],
  ['f8bfec349437e1439407e95fa1c0e65c7c179e766fb6e0e0bc7a67', 470113324, 4, 324],
  ['c06c6d4a295f76717eb82b0d6f070f81577dfc2eee34bdffa8eb09a3', 265917814, 6, 814],
  ['af3662a153e62647f37fdae86d3446572300f681f3c80a4435bfcf7de2', 1218606429, 5, 429],
  ['c1ccc46d66520723542ddf4ef983cc8bc970a2b7b1609f7eabcd60f6063b', -617226270, 2, 378],
  ['f450a135d611e75ba1b6322c7e0f133eed26888c32a118cd3e2d338e018b1e', -1884542125, 3, 523],
  ['00197b962637cf84016608ca9983d7861019f2b2f98e2c5ceffe6234440e4a71', 1925655645, 5, 645],
  ['cebe4141fd9618b3ef8625c7af95a32c28119b39ef6e18b355a6acfb4419d1edfe', 142993687, 7, 687],
  ['a3682cbdbbbc18d666d813171b27c129e0eefa6f170833a3fbed1e52621f3e028876', 264698338, 2, 338],
  ['0aa995a12aa0745f470b3e35fcdd1ae976185fe16568e24d81d900b5bedee8ce52e22e', 899950709, 5, 709],
  ['a9f7666dfd206e8257751c0ec0b9b2fc04bbbd2315253b277a63b9985f3ae8b558a47ff2', 1398700475, 3, 475],
  [
    '0169f0d269306782deeaa81f5d3b81a78d86f09d974b30b5d1545b7beb3a12440c3c89198e',
    -1318663723,
    5,
    925,
  ],
  [
    'c745fd9d793e43978ce5320712d3b4489b8d6897e0439a864ad5b112864e4d420acef4126505',
    -1488148342,
    2,
    306,
  ],
  [
    '683f10ae8f2b73a4862fae47f56f745addac9e9af670ac27490f82d9b2b9e45dac29945ad20c40',
    151710579,
    3,
    579,
  ],
]

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

describe('murmur2', () => {
  it.each([...TEXT_KEYS, ...BINARY_KEYS])('hashes %s as the Java client does', (hex, hash) => {
    expect(murmur2(bytesOf(hex))).toBe(hash)
  })

  it('hashes a view into a larger buffer as the bytes of the view', () => {
    const whole = bytesOf('ffff666f6f626172ff')
    expect(murmur2(whole.subarray(2, 8))).toBe(-790332482)
  })
})

describe('the partition of a keyed record', () => {
  it.each(TEXT_KEYS)(
    '%s goes where the Java client sends it, of 8 and of 7',
    (hex, _, of8, of7) => {
      expect(partitionForKey(bytesOf(hex), 8)).toBe(of8)
      expect(partitionForKey(bytesOf(hex), 7)).toBe(of7)
    },
  )

  it.each(BINARY_KEYS)(
    '%s goes where the Java client sends it, of 8 and of 1000',
    (hex, _, of8, of1000) => {
      expect(partitionForKey(bytesOf(hex), 8)).toBe(of8)
      expect(partitionForKey(bytesOf(hex), 1000)).toBe(of1000)
    },
  )
})
