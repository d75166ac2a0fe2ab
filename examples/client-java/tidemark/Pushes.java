package tidemark;

import java.util.HashMap;
import java.util.Map;

/**
 * Handles pushes, which the server sends without a command. A push that lacks required members is ignored (CLI-10), and
 * so is an unknown push (ENV-4).
 */
final class Pushes {
  private static final long LEAST_INTERVAL_MS = 100;
  private static final long MOST_INTERVAL_MS = 600_000;

  private final Client client;

  Pushes(Client client) {
    this.client = client;
  }

  void handle(Connection from, String type, Map<String, Object> data) {
    switch (type) {
      case "welcome" -> {
        long intervalMs = Json.integer(data.get("heartbeatIntervalMs"), 1);
        if (intervalMs > 0) from.intervalMs = Math.max(LEAST_INTERVAL_MS, Math.min(MOST_INTERVAL_MS, intervalMs));
      }
      case "event" -> event(from, data);
      case "gap" -> gap(data);
      case "replay_complete" -> {
        Subscription subscription = client.subscription(data.get("subscriptionId"));
        Position at = Position.of(data.get("position"));
        if (subscription != null && at != null) subscription.cursor.replayComplete(at);
      }
      case "heartbeat" -> heartbeat(from, data);
      case "subscription_closed" -> {
        Subscription subscription = client.known(data.get("subscriptionId"));
        String reason = data.get("reason") instanceof String text ? text : "forbidden";
        if (subscription != null) client.end(subscription, new Failure(reason, "The server ended the subscription."));
      }
      case "closing" -> {
        from.announcedCode = (int) Math.max(0, Math.min(4999, Json.integer(data.get("code"), 4000)));
        from.retryAfterMs = data.get("retryAfterMs");
      }
      default -> {}
    }
  }

  private void event(Connection from, Map<String, Object> data) {
    from.received += 1;
    Position at = Position.of(data);
    if (at == null || at.sequenceId() < 1 || !(data.get("event") instanceof String) || !(data.get("payload") instanceof Map)) return;
    for (Object id : Json.list(data.get("subscriptionIds"))) {
      Subscription subscription = client.subscription(id);
      if (subscription == null || !subscription.stream.equals(data.get("stream"))) continue;
      client.put(subscription, subscription.cursor.entering(at));
      if (subscription.state == Subscription.State.ACTIVE && subscription.cursor.event(at)) client.put(subscription, data);
    }
  }

  private void gap(Map<String, Object> data) {
    Gap gap = Gap.of(data);
    if (gap == null) return;
    for (Object id : Json.list(data.get("subscriptionIds"))) {
      Subscription subscription = client.subscription(id);
      if (subscription == null || !subscription.stream.equals(data.get("stream"))) continue;
      subscription.cursor.gap(gap);
      client.put(subscription, gap);
    }
  }

  private void heartbeat(Connection from, Map<String, Object> data) {
    long delivered = Json.integer(data.get("delivered"), 0);
    if (delivered < 0) return;
    if (delivered > from.received) {
      for (Subscription each : client.active()) client.put(each, each.cursor.lost());
      from.drop();
      return;
    }
    if (delivered < from.received) {
      System.err.println("tidemark: the server counted " + delivered + " events, but sent " + from.received);
      return;
    }
    Map<Object, Position> positions = new HashMap<>();
    for (Object item : Json.list(data.get("positions"))) positions.put(Json.object(item).get("stream"), Position.of(item));
    for (Subscription each : client.active()) each.cursor.proof(positions.get(each.stream));
  }
}
