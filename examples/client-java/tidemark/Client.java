package tidemark;

import java.net.URI;
import java.net.http.HttpClient;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/** A client of one gateway: reconnects, resumes, and reports every loss. All state belongs to one thread, the loop. */
final class Client implements Connection.Owner, AutoCloseable {
  /**
   * @param credential gives the data of `authenticate` for each connection, or null
   * @param renewable whether `credential` may return another credential later
   * @param onWait called before each wait, with its length in milliseconds
   */
  record Options(URI url, long minMs, long maxMs, long openTimeoutMs, Supplier<Map<String, Object>> credential, boolean renewable, LongConsumer onWait) {}

  private record Queued(String type, Map<String, Object> data, CompletableFuture<Map<String, Object>> result) {}

  private static final long LASTING_NS = TimeUnit.SECONDS.toNanos(5);
  /**
   * The JDK does not always notice that a connection was cut right after it was opened. So pings are sent until one is
   * answered: if the connection was cut, the second ping fails.
   */
  private static final long PROBE_AFTER_MS = 1_000;
  private static final Failure CLOSED = new Failure("closed", "The client is closed.");

  private final Options options;
  private final HttpClient http = HttpClient.newHttpClient();
  private final ScheduledExecutorService loop = Executors.newSingleThreadScheduledExecutor(task -> {
    Thread thread = new Thread(task, "tidemark");
    thread.setDaemon(true);
    return thread;
  });
  private final Map<String, Subscription> subscriptions = new LinkedHashMap<>();
  private final List<Queued> queued = new ArrayList<>();
  private final Backoff backoff;
  private final Pushes pushes = new Pushes(this);
  private Connection connection;
  private boolean ready = false;
  private Failure over = null;
  private Map<String, Object> refused = null;

  Client(Options options) {
    this.options = options;
    backoff = new Backoff(options.minMs, options.maxMs);
    run(this::attempt);
  }

  /** Sends a command once, as soon as there is a connection. The future fails with `Failure`. */
  CompletableFuture<Map<String, Object>> command(String type, Map<String, Object> data) {
    CompletableFuture<Map<String, Object>> result = new CompletableFuture<>();
    run(() -> {
      if (over != null) result.completeExceptionally(over);
      else if (ready) pass(connection.command(type, data), result);
      else queued.add(new Queued(type, data, result));
    });
    return result;
  }

  /** @param bound how many events may wait for the reader */
  Subscription subscribe(Map<String, Object> request, int bound) {
    Subscription[] made = new Subscription[1];
    Subscription subscription = new Subscription(request, bound, () -> run(() -> proceed(made[0])));
    made[0] = subscription;
    run(() -> {
      subscriptions.put(subscription.id, subscription);
      if (over != null) end(subscription, over);
      else proceed(subscription);
    });
    return subscription;
  }

  /**
   * From now on no event is delivered. The future completes when the server has confirmed the end, or no longer has the
   * subscription.
   */
  CompletableFuture<Map<String, Object>> unsubscribe(Subscription subscription) {
    subscription.cancel();
    run(() -> {
      if (subscription.state == Subscription.State.ACTIVE) stop(subscription);
      else if (subscription.state == Subscription.State.WAITING || subscription.state == Subscription.State.PAUSED) end(subscription, null);
    });
    return subscription.gone.thenApply(done -> Map.of("subscriptionIds", List.of(subscription.id)));
  }

  /** The subscription with this id, in any state; null if there is none. */
  Subscription known(Object id) {
    return id instanceof String ? subscriptions.get(id) : null;
  }

  /** The subscription with this id, if events may arrive for it; otherwise null. */
  Subscription subscription(Object id) {
    Subscription subscription = known(id);
    return subscription != null && subscription.state == Subscription.State.ACTIVE ? subscription : null;
  }

  Iterable<Subscription> active() {
    return subscriptions.values().stream().filter(each -> each.state == Subscription.State.ACTIVE)::iterator;
  }

  @Override
  public void close() {
    run(() -> finish(null));
  }

  private void attempt() {
    if (over != null) return;
    ready = false;
    connection = new Connection(http, options.url, this::run, this);
    watch(connection, options.openTimeoutMs);
  }

  /**
   * Ends a connection on which no frame arrives in time (CLI-11): within `ms` milliseconds before the first message, and within
   * three heartbeat intervals after it.
   */
  private void watch(Connection watched, long ms) {
    long quietMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - watched.lastFrameAt);
    if (watched != connection || over != null) return;
    long boundMs = watched.hasReceived ? 3 * watched.intervalMs : ms;
    if (quietMs >= boundMs) watched.drop();
    else if (quietMs >= PROBE_AFTER_MS) watched.probe();
    if (watched == connection) loop.schedule(() -> guarded(() -> watch(watched, ms)), Math.max(1, Math.min(boundMs - quietMs + 1, 500)), TimeUnit.MILLISECONDS);
  }

  @Override
  public void opened(Connection opened) {
    if (options.credential == null) begin();
    else authenticate(opened);
  }

  private void authenticate(Connection on) {
    Map<String, Object> credential;
    try {
      credential = options.credential.get();
    } catch (RuntimeException fault) {
      on.drop();
      return;
    }
    if (credential.equals(refused)) {
      finish(new Failure("unauthenticated", "The server refused the credential, and there is no other one."));
      return;
    }
    on.command("authenticate", credential).whenComplete((data, fault) -> {
      if (on != connection || over != null) return;
      if (fault == null) {
        renewBefore(on, Json.object(data.get("principal")).get("expiresAt"));
        if (!ready) begin();
      } else if (fault instanceof Failure failure && !failure.retryable) {
        refused = credential;
        if (options.renewable) on.drop();
        else finish(failure);
      } else {
        if (fault instanceof Failure failure) on.retryAfterMs = failure.retryAfterMs;
        on.drop();
      }
    });
  }

  private void renewBefore(Connection on, Object expiresAt) {
    if (!options.renewable || !(expiresAt instanceof String time)) return;
    try {
      long leftMs = Instant.parse(time).toEpochMilli() - System.currentTimeMillis();
      loop.schedule(() -> guarded(() -> {
        if (on == connection && over == null) authenticate(on);
      }), Math.max(1_000, leftMs * 4 / 5), TimeUnit.MILLISECONDS);
    } catch (DateTimeParseException invalid) {
      // The server closes with 4100 when the token expires.
    }
  }

  private void begin() {
    ready = true;
    for (Subscription each : List.copyOf(subscriptions.values())) proceed(each);
    for (Queued each : queued) pass(connection.command(each.type, each.data), each.result);
    queued.clear();
  }

  /** Sends the subscribe command if the subscription is waiting for it and the connection is ready. */
  private void proceed(Subscription subscription) {
    if (subscription.state == Subscription.State.PAUSED && !subscription.isFull()) subscription.state = Subscription.State.WAITING;
    if (!ready || subscription.state != Subscription.State.WAITING) return;
    subscription.state = Subscription.State.PENDING;
    Connection on = connection;
    on.command("subscribe", subscription.command()).whenComplete((data, fault) -> {
      if (on == connection) subscribed(subscription, on, data, fault);
    });
  }

  private void subscribed(Subscription subscription, Connection on, Map<String, Object> data, Throwable fault) {
    // The server may have ended the subscription before its reply.
    if (subscription.state != Subscription.State.PENDING) return;
    if (fault instanceof Failure failure && failure.code.equals("wrong_reply")) on.drop();
    else if (fault instanceof Failure failure && failure.retryable && !subscription.isUnsubscribed()) {
      subscription.state = Subscription.State.PAUSED;
      again(subscription, on, failure, () -> proceed(subscription));
    } else if (fault != null) end(subscription, (Failure) fault);
    else {
      try {
        put(subscription, subscription.cursor.subscribed(data));
      } catch (Failure broken) {
        on.drop();
        return;
      }
      subscription.backoff.reset();
      if (subscription.isUnsubscribed()) stop(subscription);
      else subscription.state = Subscription.State.ACTIVE;
      subscription.confirmed.complete(null);
    }
  }

  /** Repeats a command after the wait that its retryable error requires, if the connection is still the same. */
  private void again(Subscription subscription, Connection on, Failure failure, Runnable command) {
    loop.schedule(() -> guarded(() -> {
      if (on == connection) command.run();
    }), subscription.backoff.nextMs(failure.retryAfterMs), TimeUnit.MILLISECONDS);
  }

  /** Sends the unsubscribe command, because the program has ended the subscription or its reader is too slow. */
  private void stop(Subscription subscription) {
    subscription.state = Subscription.State.PAUSING;
    Connection on = connection;
    on.command("unsubscribe", Map.of("subscriptionId", subscription.id)).whenComplete((data, fault) -> {
      // The server may have ended the subscription before its reply, or the connection may have ended.
      if (subscription.state != Subscription.State.PAUSING) return;
      if (fault instanceof Failure failure && failure.retryable) again(subscription, on, failure, () -> {
        if (subscription.state == Subscription.State.PAUSING) stop(subscription);
      });
      else if (subscription.isUnsubscribed()) end(subscription, null);
      else if (on == connection) {
        subscription.state = Subscription.State.PAUSED;
        proceed(subscription);
      }
    });
  }

  /** Delivers an event or a gap to the reader. If the reader is too slow, the subscription is paused (CLI-9). */
  void put(Subscription subscription, Object item) {
    if (item == null || subscription.put(item)) return;
    if (subscription.state == Subscription.State.ACTIVE) stop(subscription);
  }

  void end(Subscription subscription, Failure error) {
    subscriptions.remove(subscription.id, subscription);
    subscription.state = Subscription.State.ENDED;
    subscription.end(error);
    subscription.confirmed.completeExceptionally(error != null ? error : CLOSED);
    subscription.gone.complete(null);
  }

  @Override
  public void received(Connection from, String type, Map<String, Object> data) {
    if (from == connection && over == null) pushes.handle(from, type, data);
  }

  @Override
  public void ended(Connection ended, int closeCode) {
    if (ended != connection || over != null) return;
    connection = null;
    ready = false;
    int code = closeCode < 4000 && ended.announcedCode != 0 ? ended.announcedCode : closeCode;
    int kind = code / 100;
    if (kind == 40 || code == 1008 || code == 1010 || (kind == 41 && !options.renewable)) {
      finish(new Failure("connection_refused", "The server ended the connection with " + code + "; a new connection would end in the same way."));
      return;
    }
    for (Subscription each : List.copyOf(subscriptions.values())) {
      if (kind == 43) put(each, each.cursor.invalidate());
      if (each.isUnsubscribed()) end(each, null);
      else each.state = each.isFull() ? Subscription.State.PAUSED : Subscription.State.WAITING;
    }
    if (ended.hasReceived && System.nanoTime() - ended.startedAt > LASTING_NS) backoff.reset();
    long waitMs = backoff.nextMs(ended.retryAfterMs);
    options.onWait.accept(waitMs);
    loop.schedule(() -> guarded(this::attempt), waitMs, TimeUnit.MILLISECONDS);
  }

  private void finish(Failure why) {
    if (over != null) return;
    over = why != null ? why : CLOSED;
    for (Subscription each : List.copyOf(subscriptions.values())) end(each, why);
    for (Queued each : queued) each.result.completeExceptionally(over);
    if (connection != null) connection.close();
  }

  private static void pass(CompletableFuture<Map<String, Object>> from, CompletableFuture<Map<String, Object>> to) {
    from.whenComplete((data, fault) -> {
      if (fault == null) to.complete(data);
      else to.completeExceptionally(fault instanceof CompletionException wrapped ? wrapped.getCause() : fault);
    });
  }

  private void run(Runnable step) {
    loop.execute(() -> guarded(step));
  }

  /** If this client fails while it handles a message, only the connection ends, not the client (CLI-10). */
  private void guarded(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException | StackOverflowError fault) {
      System.err.println("tidemark: " + fault);
      if (connection != null) connection.drop();
    }
  }
}
