package tidemark;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;

/** One attempt and its WebSocket. Everything but the callbacks of the JDK runs on the client's loop. */
final class Connection implements WebSocket.Listener {
  /** The longest message that is assembled from fragments. The limits of a server allow payloads of up to 16 MiB. */
  private static final int MAX_CHARACTERS = 32 * 1024 * 1024;
  private static final Map<String, String> REPLIES = Map.of("subscribe", "subscribed", "unsubscribe", "unsubscribed", "broadcast", "broadcasted",
    "authenticate", "authenticated", "sync", "synced", "ping", "pong");

  interface Owner {
    void opened(Connection connection);

    void received(Connection connection, String type, Map<String, Object> data);

    /** @param code of the close frame, or 1006 without one */
    void ended(Connection connection, int code);
  }

  private record Waiting(String reply, CompletableFuture<Map<String, Object>> result) {}

  private final Owner owner;
  private final Executor loop;
  private final Map<String, Waiting> waiting = new LinkedHashMap<>();
  private final StringBuilder partial = new StringBuilder();
  private WebSocket socket;
  private CompletionStage<?> sending = CompletableFuture.completedStage(null);
  private int commands = 0;
  private boolean over = false;
  private volatile boolean answered = false;
  final long startedAt = System.nanoTime();
  volatile long lastFrameAt = startedAt;
  boolean hasReceived = false;
  /** The number of event messages that arrived, including duplicates and ignored ones (CLI-6). */
  long received = 0;
  long intervalMs = 25_000;
  int announcedCode = 0;
  Object retryAfterMs = null;

  Connection(HttpClient http, URI url, Executor loop, Owner owner) {
    this.owner = owner;
    this.loop = loop;
    http.newWebSocketBuilder().subprotocols("tidemark.v1").buildAsync(url, this)
      .whenComplete((opened, fault) -> loop.execute(() -> settle(opened, fault)));
  }

  private void settle(WebSocket opened, Throwable fault) {
    if (fault != null) finish(1006);
    else if (over) opened.abort();
    else {
      socket = opened;
      owner.opened(this);
    }
  }

  /** Sends a command; the future fails with `Failure`, `connection_lost` when the connection ends before the reply (CLI-8). */
  CompletableFuture<Map<String, Object>> command(String type, Map<String, Object> data) {
    CompletableFuture<Map<String, Object>> result = new CompletableFuture<>();
    commands += 1;
    String id = "c" + commands;
    waiting.put(id, new Waiting(REPLIES.get(type), result));
    Map<String, Object> message = new LinkedHashMap<>();
    message.put("type", type);
    message.put("id", id);
    message.put("data", data);
    String text = Json.write(message);
    WebSocket target = socket;
    sending = sending.thenCompose(done -> target.sendText(text, true)).exceptionally(fault -> null);
    return result;
  }

  /**
   * Sends a WebSocket ping, unless the server has answered an earlier one; its failure ends the connection. The first ping on a
   * connection that the server has closed still succeeds, because only its arrival makes the server's machine reset the connection.
   */
  void probe() {
    WebSocket target = socket;
    if (target == null || answered) return;
    sending = sending.thenCompose(done -> target.sendPing(ByteBuffer.allocate(0))).handle((done, fault) -> {
      if (fault != null) loop.execute(this::drop);
      return null;
    });
  }

  /** Ends the connection without waiting for the peer. */
  void drop() {
    if (socket != null) socket.abort();
    finish(1006);
  }

  void close() {
    WebSocket target = socket;
    if (target == null) return;
    sending.thenCompose(done -> target.sendClose(WebSocket.NORMAL_CLOSURE, "")).whenComplete((done, fault) -> target.abort());
    finish(WebSocket.NORMAL_CLOSURE);
  }

  private void finish(int code) {
    if (over) return;
    over = true;
    owner.ended(this, code);
    Failure lost = new Failure("connection_lost", "The connection ended before the reply; only you know whether the command may be repeated.");
    for (Waiting each : waiting.values()) each.result.completeExceptionally(lost);
    waiting.clear();
  }

  private void message(String text) {
    if (over) return;
    hasReceived = true;
    Map<String, Object> message;
    try {
      message = Json.object(Json.parse(text));
    } catch (Json.Invalid invalid) {
      return;
    }
    if (!(message.get("type") instanceof String type)) return;
    Map<String, Object> data = Json.object(message.get("data"));
    if (message.get("id") instanceof String id) reply(id, type, data);
    else owner.received(this, type, data);
  }

  private void reply(String id, String type, Map<String, Object> data) {
    Waiting command = waiting.remove(id);
    if (command == null) return;
    if (type.equals(command.reply)) command.result.complete(data);
    else if (type.equals("error")) command.result.completeExceptionally(Failure.of(data));
    else command.result.completeExceptionally(new Failure("wrong_reply", "The reply was `" + type + "`; `" + command.reply + "` was expected."));
  }

  @Override
  public CompletionStage<?> onText(WebSocket source, CharSequence part, boolean last) {
    lastFrameAt = System.nanoTime();
    partial.append(part);
    if (partial.length() > MAX_CHARACTERS) loop.execute(this::drop);
    if (last) {
      String text = partial.toString();
      partial.setLength(0);
      loop.execute(() -> message(text));
    }
    // Request the next frame immediately: when the connection is cut, the JDK drops frames that have arrived but were
    // not requested.
    source.request(1);
    return null;
  }

  @Override
  public CompletionStage<?> onPing(WebSocket source, ByteBuffer body) {
    lastFrameAt = System.nanoTime();
    source.request(1); // The JDK answers with the pong itself.
    return null;
  }

  @Override
  public CompletionStage<?> onPong(WebSocket source, ByteBuffer body) {
    answered = true; // A pong does not count as a sign of life: heartbeats must arrive as well (CLI-11).
    source.request(1);
    return null;
  }

  @Override
  public CompletionStage<?> onClose(WebSocket source, int code, String reason) {
    loop.execute(() -> finish(code));
    return null;
  }

  @Override
  public void onError(WebSocket source, Throwable fault) {
    loop.execute(() -> finish(1006));
  }
}
