// CRC-32C in C, sixteen bytes a step by table look-up (slicing-by-16, and by-8 for comparison): what the
// WebAssembly module could reach if it were native. Not the processor's own CRC instruction.
//   crc32c FILE BYTES MILLISECONDS
// prints the sum of the first BYTES of FILE and the rate of each variant in bytes per second, as JSON.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint32_t tables[16][256];

static void fill_tables(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    tables[0][byte] = crc;
  }
  for (int table = 1; table < 16; table++)
    for (int byte = 0; byte < 256; byte++) {
      uint32_t before = tables[table - 1][byte];
      tables[table][byte] = (before >> 8) ^ tables[0][before & 255];
    }
}

static uint32_t load32(const uint8_t *at) {
  uint32_t word;
  memcpy(&word, at, 4);
  return word;
}

static uint32_t four(int table, uint32_t word) {
  return tables[table + 3][word & 255] ^ tables[table + 2][(word >> 8) & 255] ^
         tables[table + 1][(word >> 16) & 255] ^ tables[table][word >> 24];
}

static uint32_t rest(uint32_t state, const uint8_t *at, const uint8_t *end) {
  while (at < end) state = (state >> 8) ^ tables[0][(state ^ *at++) & 255];
  return ~state;
}

static uint32_t slicing_by_16(const uint8_t *at, size_t bytes) {
  const uint8_t *end = at + bytes;
  uint32_t state = ~0u;
  for (; at + 16 <= end; at += 16)
    state = four(0, load32(at + 12)) ^ four(4, load32(at + 8)) ^ four(8, load32(at + 4)) ^ four(12, load32(at) ^ state);
  return rest(state, at, end);
}

static uint32_t slicing_by_8(const uint8_t *at, size_t bytes) {
  const uint8_t *end = at + bytes;
  uint32_t state = ~0u;
  for (; at + 8 <= end; at += 8) state = four(0, load32(at + 4)) ^ four(4, load32(at) ^ state);
  return rest(state, at, end);
}

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static volatile uint32_t sink;

static double rate(uint32_t (*sum)(const uint8_t *, size_t), const uint8_t *data, size_t bytes, double seconds) {
  for (int pass = 0; pass < 3; pass++) sink = sum(data, bytes);
  double start = now_s(), took;
  size_t done = 0;
  do {
    for (size_t batch = 0; batch < 1 + 1000000 / bytes; batch++, done += bytes) sink = sum(data, bytes);
  } while ((took = now_s() - start) < seconds);
  return done / took;
}

int main(int count, char **args) {
  if (count != 4) return 2;
  size_t bytes = strtoull(args[2], NULL, 10);
  double seconds = atof(args[3]) / 1e3;
  uint8_t *data = malloc(bytes);
  FILE *file = fopen(args[1], "rb");
  if (!file || fread(data, 1, bytes, file) != bytes) return 1;
  fill_tables();
  if (slicing_by_16(data, bytes) != slicing_by_8(data, bytes)) return 1;
  printf("{\"sum\":%u,\"by8\":%.0f,\"by16\":%.0f}\n", slicing_by_8(data, bytes),
         rate(slicing_by_8, data, bytes, seconds), rate(slicing_by_16, data, bytes, seconds));
  return 0;
}
