/*
 * A server that shows the least that a delivery can cost. It only accepts WebSocket connections and writes each event to each of
 * them, in one thread, with one system call per event and connection.
 *
 *     write-loop PORT CONTROL_PORT BYTES
 *
 * An event arrives as a line of ten digits on the control port. Its frame has BYTES bytes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MOST 65536
#define DIGITS 10
#define HEADER 4

/* The answer has no Sec-WebSocket-Accept header, because the load client does not check it. */
static const char ANSWER[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

static int clients[MOST], client_count, place[MOST];
static char frame[65536];
static int frame_bytes;

static int listen_on(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (void *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) {
    perror("listen");
    exit(1);
  }
  return fd;
}

static void broadcast(const char *number) {
  memcpy(frame + HEADER + 1, number, DIGITS);
  for (int n = 0; n < client_count; n += 1)
    for (int sent = 0; sent < frame_bytes;) {
      ssize_t written = write(clients[n], frame + sent, frame_bytes - sent);
      if (written < 0 && errno != EINTR && errno != EAGAIN) break;
      if (written > 0) sent += written;
    }
}

static void drop(int fd) {
  if (place[fd] > 0) {
    int at = place[fd] - 1;
    clients[at] = clients[--client_count];
    place[clients[at]] = at + 1;
    place[fd] = 0;
  }
  close(fd);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  signal(SIGPIPE, SIG_IGN);
  int sockets = listen_on(atoi(argv[1])), controls = listen_on(atoi(argv[2])), control = -1, poller = epoll_create1(0), on = 1;
  frame_bytes = atoi(argv[3]);
  memset(frame, 'x', sizeof frame);
  frame[0] = (char)0x81;
  frame[1] = 126;
  frame[2] = (char)((frame_bytes - HEADER) >> 8);
  frame[3] = (char)(frame_bytes - HEADER);
  frame[HEADER] = '^';
  int listeners[2] = {sockets, controls};
  for (int n = 0; n < 2; n += 1) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listeners[n]};
    epoll_ctl(poller, EPOLL_CTL_ADD, listeners[n], &event);
  }
  puts("ready");
  fflush(stdout);
  for (struct epoll_event ready[256];;) {
    int count = epoll_wait(poller, ready, 256, -1);
    for (int n = 0; n < count; n += 1) {
      static char buffer[65536];
      int fd = ready[n].data.fd;
      if (fd == sockets || fd == controls) {
        int accepted = accept(fd, NULL, NULL);
        if (accepted < 0 || accepted >= MOST) continue;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = accepted};
        epoll_ctl(poller, EPOLL_CTL_ADD, accepted, &event);
        if (fd == controls) control = accepted;
        continue;
      }
      static int kept;
      ssize_t got = read(fd, buffer + (fd == control ? kept : 0), sizeof buffer - kept);
      if (got <= 0) {
        drop(fd);
        if (fd == control) control = -1, kept = 0;
      } else if (fd == control) {
        int length = kept + got, at = 0;
        for (; at + DIGITS < length; at += DIGITS + 1) broadcast(buffer + at);
        kept = length - at;
        memmove(buffer, buffer + at, kept);
      } else if (place[fd] == 0) {
        clients[client_count++] = fd;
        place[fd] = client_count;
        if (write(fd, ANSWER, sizeof ANSWER - 1) < 0) drop(fd);
      }
    }
  }
}
