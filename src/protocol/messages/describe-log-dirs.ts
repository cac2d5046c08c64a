// DescribeLogDirs (key 35), versions 1-4: bytes on disk of partitions (KIP-113). 2 flexible; 3 an
// error of the whole answer; 4 size and free space of the volume (KIP-827).

import {
  api,
  array,
  bool,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** DescribeLogDirs: request and response of every version served. */
export const DescribeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 4],
  flexible: 2,
  request: struct({
    // Null: all partitions.
    topics: array(
      struct({
        topic: string(),
        partitions: array(int32()),
      }),
      { nullable: true },
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ from: 3, default: 0 }),
    results: array(
      struct({
        errorCode: int16(),
        logDir: string(),
        topics: array(
          struct({
            name: string(),
            partitions: array(
              struct({
                partitionIndex: int32(),
                partitionSize: int64(),
                // How far a replica is behind; 0 for a leader.
                offsetLag: int64(),
                // True while a replica moves to this directory.
                isFutureKey: bool(),
              }),
            ),
          }),
        ),
        // Of the volume; -1 when it is not known.
        totalBytes: int64({ from: 4, default: -1 }),
        usableBytes: int64({ from: 4, default: -1 }),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DescribeLogDirsRequest = RequestOf<typeof DescribeLogDirs>

/** The response to encode. */
export type DescribeLogDirsResponse = ResponseOf<typeof DescribeLogDirs>
