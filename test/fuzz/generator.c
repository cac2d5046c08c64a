/*
 * What does harm to a broker, at next to no cost to the machine that it shares with it: connections that say nothing, that
 * say it a byte at a time, that ask without end and take or leave the answers, or that come and go. One process, one
 * thread, epoll, nothing allocated once it runs. Not what is measured (overload.ts) and not in the package.
 *
 *   generator KIND HOST PORT COUNT FIRST PIECE PIECE_MS
 *
 * KIND idle (says nothing after FIRST), slow (PIECE every PIECE_MS), flood (PIECE again and again, answers are read),
 * deaf (as flood, answers are not read), churn (closes as soon as it is open, and comes again). FIRST and PIECE are
 * files, `-` for none. What is closed is opened again after REOPEN_MS. Ends with its standard input. Prints, four
 * times a second: opened closed refused held written read (the last two in bytes).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Source addresses: one has too few ports for tens of thousands of connections. */
#define ADDRESSES 50
#define REOPEN_MS 500
/* Opened at once, every STEP_MS. */
#define STEP 25
#define STEP_MS 5
#define TELL_MS 250
#define EVENTS 256

struct bytes { char *at; size_t length; };
struct one { int fd; int open; size_t first; size_t piece; int64_t due; };

static struct bytes first, piece;
static struct one *all;
static int count, epoll, next_address;
static struct sockaddr_in target;
static long opened, closed, refused, held, written, taken;
enum kind { IDLE, SLOW, FLOOD, DEAF, CHURN } kind;
static char waste[1 << 16];

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct bytes read_file(const char *path) {
  struct bytes out = {NULL, 0};
  if (strcmp(path, "-") == 0) return out;
  FILE *file = fopen(path, "rb");
  if (file == NULL) { perror(path); exit(2); }
  fseek(file, 0, SEEK_END);
  out.length = ftell(file);
  rewind(file);
  out.at = malloc(out.length + 1);
  if (fread(out.at, 1, out.length, file) != out.length) exit(2);
  fclose(file);
  return out;
}

static void end(struct one *c, int was_refused) {
  if (c->fd < 0) return;
  close(c->fd);
  c->fd = -1;
  if (c->open) { held--; closed++; }
  else if (was_refused) refused++;
  c->open = 0;
  c->due = kind == CHURN ? 0 : now() + REOPEN_MS;
}

static void begin(struct one *c) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) { c->due = now() + REOPEN_MS; refused++; return; }
  struct sockaddr_in from = {.sin_family = AF_INET};
  int yes = 1;
  setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &yes, sizeof yes);
  from.sin_addr.s_addr = htonl(0x7f000002 + next_address++ % ADDRESSES);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) perror("bind");
  if (kind == CHURN) {
    struct linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  if (connect(fd, (struct sockaddr *)&target, sizeof target) < 0 && errno != EINPROGRESS) {
    close(fd);
    c->due = now() + REOPEN_MS;
    refused++;
    return;
  }
  c->fd = fd;
  c->first = c->piece = 0;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Writes as much as the socket takes; for SLOW one piece at a time. */
static void write_some(struct one *c) {
  while (c->first < first.length) {
    ssize_t n = write(c->fd, first.at + c->first, first.length - c->first);
    if (n < 0) { if (errno != EAGAIN) end(c, 0); return; }
    c->first += n;
    written += n;
  }
  if (kind != FLOOD && kind != DEAF) return;
  /* A turn each: a socket that takes everything must not keep the others from theirs. */
  for (int i = 0; i < 64; i++) {
    ssize_t n = write(c->fd, piece.at + c->piece, piece.length - c->piece);
    if (n < 0) { if (errno != EAGAIN) end(c, 0); return; }
    c->piece = (c->piece + n) % piece.length;
    written += n;
  }
  c->due = 1;
}

static void read_some(struct one *c) {
  for (;;) {
    ssize_t n = read(c->fd, waste, sizeof waste);
    if (n > 0) { taken += n; continue; }
    if (n == 0 || errno != EAGAIN) end(c, 0);
    return;
  }
}

static void handle(struct one *c, uint32_t events) {
  if (c->fd < 0) return;
  if (!c->open && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) { end(c, 1); return; }
    c->open = 1;
    opened++;
    held++;
    c->due = 0;
    if (kind == CHURN) { end(c, 0); return; }
  }
  if ((events & EPOLLIN) && kind != DEAF) read_some(c);
  if (c->fd >= 0 && (events & (EPOLLERR | EPOLLHUP))) { end(c, 0); return; }
  if (c->fd >= 0 && (events & EPOLLOUT)) write_some(c);
}

int main(int argc, char **argv) {
  static const char *kinds[] = {"idle", "slow", "flood", "deaf", "churn"};
  if (argc != 8) return 2;
  int known = 0;
  for (int i = 0; i < 5; i++) if (strcmp(argv[1], kinds[i]) == 0) { kind = i; known = 1; }
  if (!known) return 2;
  target.sin_family = AF_INET;
  inet_pton(AF_INET, argv[2], &target.sin_addr);
  target.sin_port = htons(atoi(argv[3]));
  count = atoi(argv[4]);
  first = read_file(argv[5]);
  piece = read_file(argv[6]);
  int64_t piece_ms = atoi(argv[7]);
  signal(SIGPIPE, SIG_IGN);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  all = calloc(count, sizeof *all);
  for (int i = 0; i < count; i++) all[i].fd = -1;
  fcntl(0, F_SETFL, O_NONBLOCK);
  int64_t step_at = now(), tell_at = step_at, piece_at = step_at;
  struct epoll_event events[EVENTS];
  for (;;) {
    int more = 0;
    if (kind == FLOOD || kind == DEAF)
      for (int i = 0; i < count; i++)
        if (all[i].open && all[i].due == 1) { all[i].due = 0; write_some(&all[i]); more |= all[i].due == 1; }
    int n = epoll_wait(epoll, events, EVENTS, more ? 0 : 5);
    for (int i = 0; i < n; i++) handle(events[i].data.ptr, events[i].events);
    int64_t t = now();
    if (t >= step_at) {
      step_at = t + STEP_MS;
      for (int i = 0, left = STEP; i < count && left > 0; i++)
        if (all[i].fd < 0 && all[i].due <= t) { begin(&all[i]); left--; }
    }
    if (kind == SLOW && t >= piece_at) {
      piece_at = t + piece_ms;
      for (int i = 0; i < count; i++)
        if (all[i].open) {
          ssize_t sent = write(all[i].fd, piece.at, piece.length);
          if (sent > 0) written += sent;
          else if (sent < 0 && errno != EAGAIN) end(&all[i], 0);
        }
    }
    if (t >= tell_at) {
      tell_at = t + TELL_MS;
      char byte;
      if (read(0, &byte, 1) == 0) return 0;
      if (printf("%ld %ld %ld %ld %ld %ld\n", opened, closed, refused, held, written, taken) < 0 || fflush(stdout) != 0) return 0;
    }
  }
}
