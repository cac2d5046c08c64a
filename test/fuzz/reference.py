"""Decompresses with the reference implementations (liblz4's frames, Google's Snappy by way of cramjam) what comes on
standard input: codec (3 LZ4 frame, 2 raw Snappy block), length, bytes. Answers each with 1 or 0, length, content."""

import struct
import sys

import cramjam

DECODERS = {2: cramjam.snappy.decompress_raw, 3: cramjam.lz4.decompress}
source, sink = sys.stdin.buffer, sys.stdout.buffer
while True:
    head = source.read(5)
    if len(head) < 5:
        break
    codec, length = struct.unpack(">BI", head)
    given = source.read(length)
    try:
        content = bytes(DECODERS[codec](given))
        sink.write(struct.pack(">BI", 1, len(content)) + content)
    except Exception:
        sink.write(struct.pack(">BI", 0, 0))
    sink.flush()
