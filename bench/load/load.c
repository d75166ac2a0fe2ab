/*
 * A load client with many WebSocket connections in one thread. It has one TCP connection to the server's control port, through
 * which it tells the server to publish events. It checks that every connection receives every event, once and in order, and
 * measures the processing time that the server uses for this.
 *
 *     load PORT PATH CONTROL_PORT SERVER_PID CONNECTIONS HELLO MODE EVENTS WINDOW BURST RATE
 *
 * MODE flight: at most WINDOW events are in flight; as soon as BURST of them have arrived on every connection, BURST more are published.
 * MODE rate:   RATE events per second are published, whether or not earlier ones have arrived; also measures latency.
 * MODE replay: nothing is published; HELLO requests EVENTS past events, on one connection after another.
 *
 * An event is published by a line with its number in ten digits, from 0000000001 on. The server puts '^' and the number into the
 * message. HELLO is a text frame sent after the handshake; the connection is open when the server has answered with a text that contains
 * "ready". The result is one line of JSON.
 * Exit code 3: an event was missing, repeated or out of order.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define DIGITS 10
#define POLL_PAUSE_US 200
#define GIVE_UP_NS 60000000000ULL

struct connection {
  int fd;
  int digits_left;
  unsigned number;
  unsigned next;
};

static struct connection *connections;
static int connection_count, control, poller, mode_rate, server_pid;
static unsigned event_count, *arrivals;
static unsigned long long deliveries, *sent_at;
static unsigned *latencies_us;
static unsigned long long latency_count;

static void fail(const char *what) {
  fprintf(stderr, "%s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  exit(1);
}

static unsigned long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Reads the processing time of all threads of the server, in nanoseconds. */
static unsigned long long server_time_ns(void) {
  char path[300];
  unsigned long long sum = 0, part;
  snprintf(path, sizeof path, "/proc/%d/task", server_pid);
  DIR *tasks = opendir(path);
  if (!tasks) fail("cannot read the server's processing time");
  for (struct dirent *task; (task = readdir(tasks));) {
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", server_pid, task->d_name);
    FILE *file = fopen(path, "r");
    if (!file) continue;
    if (fscanf(file, "%llu", &part) == 1) sum += part;
    fclose(file);
  }
  closedir(tasks);
  return sum;
}

static long server_memory_kib(void) {
  char line[200];
  long kib = 0;
  snprintf(line, sizeof line, "/proc/%d/status", server_pid);
  FILE *file = fopen(line, "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %ld", &kib);
  fclose(file);
  return kib;
}

static int dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (fd < 0 || connect(fd, (void *)&address, sizeof address) < 0) fail("cannot connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void send_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write");
    bytes += written;
    length -= written;
  }
}

static void read_until(int fd, const char *wanted) {
  static char buffer[65536];
  size_t length = 0;
  while (length < sizeof buffer - 1) {
    ssize_t got = read(fd, buffer + length, sizeof buffer - 1 - length);
    if (got <= 0) fail("the server closed a connection that was being opened");
    length += got;
    if (memmem(buffer, length, wanted, strlen(wanted))) return;
  }
  fail("the server did not send what was expected");
}

/* Sends a masked text frame. The mask is zero, so that the text is sent unchanged. */
static void send_text(int fd, const char *text) {
  size_t length = strlen(text), at = 2;
  char *frame = malloc(length + 16);
  frame[0] = (char)0x81;
  if (length < 126) {
    frame[1] = (char)(0x80 | length);
  } else {
    frame[1] = (char)(0x80 | 126);
    frame[2] = (char)(length >> 8);
    frame[3] = (char)length;
    at = 4;
  }
  memset(frame + at, 0, 4);
  memcpy(frame + at + 4, text, length);
  send_all(fd, frame, at + 4 + length);
  free(frame);
}

static void open_connection(struct connection *each, int port, const char *path) {
  char request[500];
  each->fd = dial(port);
  each->next = 1;
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGlkZW1hcmsgbG9hZC4uLg==\r\n\r\n",
                        path, port);
  send_all(each->fd, request, length);
  read_until(each->fd, "101 Switching Protocols");
}

static void watch(struct connection *each) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = each};
  fcntl(each->fd, F_SETFL, O_NONBLOCK);
  epoll_ctl(poller, EPOLL_CTL_ADD, each->fd, &event);
}

static void arrived(struct connection *each, unsigned number, unsigned long long at) {
  if (number != each->next) {
    fprintf(stderr, "a connection received event %u where %u was next\n", number, each->next);
    exit(3);
  }
  each->next += 1;
  arrivals[number] += 1;
  deliveries += 1;
  if (mode_rate) latencies_us[latency_count++] = (unsigned)((at - sent_at[number]) / 1000);
}

static void take(struct connection *each, const char *bytes, size_t length, unsigned long long at) {
  const char *end = bytes + length;
  while (bytes < end) {
    if (each->digits_left == 0) {
      const char *mark = memchr(bytes, '^', end - bytes);
      if (!mark) return;
      bytes = mark + 1;
      each->digits_left = DIGITS;
      each->number = 0;
      continue;
    }
    each->number = each->number * 10 + (*bytes++ - '0');
    if (--each->digits_left == 0 && each->number > 0) arrived(each, each->number, at);
  }
}

static void receive(int timeout_ms) {
  static struct epoll_event ready[1024];
  static char buffer[262144];
  int count = epoll_wait(poller, ready, 1024, timeout_ms);
  unsigned long long at = now_ns();
  for (int n = 0; n < count; n += 1) {
    struct connection *each = ready[n].data.ptr;
    ssize_t got = read(each->fd, buffer, sizeof buffer);
    if (got == 0 || (got < 0 && errno != EAGAIN)) fail("the server closed a connection");
    if (got > 0) take(each, buffer, got, at);
  }
}

static void publish(unsigned first, unsigned count) {
  static char lines[65536];
  size_t length = 0;
  for (unsigned n = 0; n < count; n += 1) {
    sent_at[first + n] = now_ns();
    length += sprintf(lines + length, "%010u\n", first + n);
  }
  send_all(control, lines, length);
}

static void run_flight(unsigned window, unsigned burst) {
  unsigned published = 0, complete = 0;
  for (unsigned long long last = now_ns(); complete < event_count;) {
    while (published < event_count && published + burst <= complete + window) {
      unsigned count = event_count - published < burst ? event_count - published : burst;
      publish(published + 1, count);
      published += count;
    }
    /* Waking up for every delivery would take processing time from the server, so the client waits and reads several deliveries together. */
    usleep(POLL_PAUSE_US);
    receive(100);
    for (; complete < published && arrivals[complete + 1] == (unsigned)connection_count; last = now_ns()) complete += 1;
    if (now_ns() - last > GIVE_UP_NS) break;
  }
}

static void run_rate(unsigned rate) {
  unsigned published = 0;
  unsigned long long start = now_ns(), total = (unsigned long long)event_count * connection_count;
  while (deliveries < total) {
    unsigned long long now = now_ns(), due = (now - start) * rate / 1000000000ULL;
    if (due > event_count) due = event_count;
    if (due > published) {
      publish(published + 1, due - published);
      published = due;
    }
    if (now - start > GIVE_UP_NS + 1000000000ULL * event_count / rate) break;
    receive(1);
  }
}

static void run_replay(const char *hello, unsigned long long start) {
  for (int n = 0; n < connection_count; n += 1) {
    watch(&connections[n]);
    fcntl(connections[n].fd, F_SETFL, 0);
    send_text(connections[n].fd, hello);
    fcntl(connections[n].fd, F_SETFL, O_NONBLOCK);
    while (connections[n].next <= event_count && now_ns() - start < GIVE_UP_NS) receive(100);
  }
}

static int ascending(const void *left, const void *right) {
  unsigned a = *(const unsigned *)left, b = *(const unsigned *)right;
  return a < b ? -1 : a > b;
}

int main(int argc, char **argv) {
  if (argc != 12) fail("usage: see load.c");
  int port = atoi(argv[1]);
  const char *path = argv[2], *hello = argv[6], *mode = argv[7];
  server_pid = atoi(argv[4]);
  connection_count = atoi(argv[5]);
  event_count = atoi(argv[8]);
  mode_rate = !strcmp(mode, "rate");
  int mode_replay = !strcmp(mode, "replay");
  poller = epoll_create1(0);
  connections = calloc(connection_count, sizeof *connections);
  arrivals = calloc(event_count + 1, sizeof *arrivals);
  sent_at = calloc(event_count + 1, sizeof *sent_at);
  latencies_us = calloc(mode_rate ? (size_t)event_count * connection_count + 1 : 1, sizeof *latencies_us);
  long idle_kib = server_memory_kib();
  for (int n = 0; n < connection_count; n += 1) {
    open_connection(&connections[n], port, path);
    if (mode_replay || !*hello) continue;
    send_text(connections[n].fd, hello);
    read_until(connections[n].fd, "ready");
  }
  if (!mode_replay)
    for (int n = 0; n < connection_count; n += 1) watch(&connections[n]);
  usleep(300000);
  long connected_kib = server_memory_kib();
  control = dial(atoi(argv[3]));
  unsigned long long start = now_ns(), used = server_time_ns();
  if (mode_rate) run_rate(atoi(argv[11]));
  else if (mode_replay) run_replay(hello, start);
  else run_flight(atoi(argv[9]), atoi(argv[10]));
  used = server_time_ns() - used;
  double seconds = (now_ns() - start) / 1e9;
  int exact = deliveries == (unsigned long long)event_count * connection_count;
  qsort(latencies_us, latency_count, sizeof *latencies_us, ascending);
#define AT(part) (latency_count ? latencies_us[(unsigned long long)((latency_count - 1) * part)] / 1000.0 : 0)
  printf("{\"deliveries\":%llu,\"exact\":%s,\"cpuUs\":%.4f,\"seconds\":%.3f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,"
         "\"connectionKib\":%.2f}\n",
         deliveries, exact ? "true" : "false", deliveries ? used / 1000.0 / deliveries : 0, seconds, AT(0.5), AT(0.99),
         (double)(connected_kib - idle_kib) / connection_count);
  return exact ? 0 : 3;
}
