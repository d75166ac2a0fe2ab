package tidemark;

import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * One subscription over all connections. The client's loop adds items to `queue`, and one reader removes them. `this`
 * guards `queue` and its state; all other members belong to the loop.
 */
final class Subscription {
  enum State { WAITING, PENDING, ACTIVE, PAUSING, PAUSED, ENDED }

  final String id;
  final String stream;
  final Cursor cursor;
  final Backoff backoff = new Backoff(1_000, 60_000);
  /** Completed when the server has confirmed the subscription for the first time. */
  final CompletableFuture<Void> confirmed = new CompletableFuture<>();
  /** Completed when neither this client nor the server knows the subscription any more. */
  final CompletableFuture<Void> gone = new CompletableFuture<>();
  State state = State.WAITING;
  private final Map<String, Object> request;
  private final int bound;
  private final Runnable onRoom;
  private final ArrayDeque<Object> queue = new ArrayDeque<>();
  private boolean full;
  private boolean unsubscribed;
  private boolean ended;
  private Failure error;

  /** @param onRoom called by the reader when a full queue is half empty again */
  Subscription(Map<String, Object> request, int bound, Runnable onRoom) {
    this.request = request;
    this.bound = bound;
    this.onRoom = onRoom;
    id = (String) request.get("subscriptionId");
    stream = request.get("stream") instanceof String name ? name : "main";
    cursor = new Cursor(Json.object(request.get("replay")));
  }

  /** The data of the next subscribe command. */
  Map<String, Object> command() {
    Map<String, Object> data = new LinkedHashMap<>(request);
    Map<String, Object> replay = cursor.request();
    data.remove("replay");
    if (!replay.isEmpty()) data.put("replay", replay);
    return data;
  }

  /** The next event (a map) or `Gap`, or null at the end. Blocks. @throws Failure when the subscription ended with an error */
  Object next() throws InterruptedException {
    Object item;
    boolean room;
    synchronized (this) {
      while (queue.isEmpty() && !ended) wait();
      item = queue.poll();
      if (item == null && error != null) throw error;
      room = full && queue.size() <= bound / 2;
      if (room) full = false;
    }
    if (room) onRoom.run();
    return item;
  }

  synchronized boolean isUnsubscribed() {
    return unsubscribed;
  }

  /** @return whether there is still room; without it, the caller pauses the subscription */
  synchronized boolean put(Object item) {
    if (ended) return true;
    queue.add(item);
    full = full || queue.size() >= bound;
    notifyAll();
    return !full;
  }

  synchronized boolean isFull() {
    return full;
  }

  /** The program has ended the subscription. Waiting items are dropped. */
  synchronized void cancel() {
    unsubscribed = true;
    queue.clear();
    end(null);
  }

  /** No more items will arrive. Waiting items can still be read. */
  synchronized void end(Failure failure) {
    if (ended) return;
    ended = true;
    error = failure;
    notifyAll();
  }
}
