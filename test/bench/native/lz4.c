// LZ4 frames by the reference library (Debian's liblz4), with the frame settings of Kafka's clients:
// independent blocks of 64 KiB, no checksum of the content, the fastest level.
//   lz4 FILE FRAME MILLISECONDS
// checks that FRAME holds FILE, and prints the rates of encoding FILE and of decoding FRAME in content
// bytes per second, as JSON.

#include <lz4.h>
#include <lz4frame.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bytes {
  uint8_t *at;
  size_t length;
};

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static struct bytes read_file(const char *name) {
  FILE *file = fopen(name, "rb");
  if (!file) fail(name);
  fseek(file, 0, SEEK_END);
  struct bytes bytes = {NULL, (size_t)ftell(file)};
  rewind(file);
  bytes.at = malloc(bytes.length);
  if (fread(bytes.at, 1, bytes.length, file) != bytes.length) fail(name);
  return bytes;
}

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static struct bytes content, frame, room;

static size_t encode(void) {
  LZ4F_preferences_t settings = LZ4F_INIT_PREFERENCES;
  settings.frameInfo.blockSizeID = LZ4F_max64KB;
  settings.frameInfo.blockMode = LZ4F_blockIndependent;
  size_t length = LZ4F_compressFrame(room.at, room.length, content.at, content.length, &settings);
  if (LZ4F_isError(length)) fail(LZ4F_getErrorName(length));
  return length;
}

static LZ4F_dctx *context;

static size_t decode(void) {
  size_t written = 0, taken = 0, hint = 1;
  while (hint != 0 && taken < frame.length) {
    size_t to = room.length - written, from = frame.length - taken;
    hint = LZ4F_decompress(context, room.at + written, &to, frame.at + taken, &from, NULL);
    if (LZ4F_isError(hint)) fail(LZ4F_getErrorName(hint));
    written += to;
    taken += from;
  }
  return written;
}

static volatile size_t sink;

static double rate(size_t (*work)(void), double seconds) {
  for (int pass = 0; pass < 3; pass++) sink = work();
  double start = now_s(), took;
  size_t done = 0;
  do {
    sink = work();
    done += content.length;
  } while ((took = now_s() - start) < seconds);
  return done / took;
}

int main(int count, char **args) {
  if (count != 4) fail("usage: lz4 FILE FRAME MILLISECONDS");
  double seconds = atof(args[3]) / 1e3;
  content = read_file(args[1]);
  frame = read_file(args[2]);
  room.length = content.length * 2 + 65536;
  room.at = malloc(room.length);
  LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
  if (decode() != content.length || memcmp(room.at, content.at, content.length)) fail("the frame holds something else");
  double encoding = rate(encode, seconds);
  size_t encoded = encode();
  double decoding = rate(decode, seconds);
  printf("{\"version\":\"%s\",\"bytes\":%zu,\"encode\":%.0f,\"decode\":%.0f}\n", LZ4_versionString(), encoded, encoding, decoding);
  return 0;
}
