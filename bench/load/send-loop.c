/*
 * Sends the same bytes to many sockets. bench/servers/native.ts uses it to measure the most that a native writer could save.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Returns how many sockets did not accept all bytes. */
int send_loop(const int *sockets, int count, const void *bytes, int length) {
  int missed = 0;
  for (int n = 0; n < count; n += 1)
    if (send(sockets[n], bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) != length) missed += 1;
  return missed;
}
