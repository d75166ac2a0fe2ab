package tidemark;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** The program that `tidemark conformance client` drives: NDJSON in, NDJSON out. */
final class Program {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private final Map<Object, Subscription> subscriptions = new HashMap<>();
  private final Map<Object, CompletableFuture<Void>> released = new HashMap<>();
  private Client client;

  public static void main(String[] arguments) throws IOException {
    notice("ready", Map.of("client", "Java example 1.0", "supports", List.of("backoff", "open-timeout", "buffer", "echo", "reconnecting", "token", "api-key", "broadcast", "sync")));
    Program program = new Program();
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) program.step(Json.object(Json.parse(line)));
    System.exit(0);
  }

  private void step(Map<String, Object> line) {
    Object ref = line.get("ref");
    switch ((String) line.get("do")) {
      case "connect" -> client = connect(line);
      case "subscribe" -> subscribe(line);
      case "release" -> released.get(line.get("id")).complete(null);
      case "unsubscribe" -> unsubscribe(subscriptions.get(line.get("id")), ref);
      case "ping" -> report(ref, client.command("ping", Map.of()));
      case "sync" -> report(ref, client.command("sync", members(line, "stream")));
      case "broadcast" -> report(ref, client.command("broadcast", members(line, "stream", "event", "payload")));
      case "echo" -> report(ref, CompletableFuture.completedFuture(Map.of()));
      case "close" -> client.close();
      default -> System.err.println("unknown line: " + line);
    }
  }

  private static Client connect(Map<String, Object> line) {
    Map<String, Object> backoff = Json.object(line.get("backoff"));
    List<?> tokens = Json.list(line.get("tokens"));
    int[] fetched = {0};
    Supplier<Map<String, Object>> credential = null;
    if (!tokens.isEmpty()) credential = () -> Map.of("token", tokens.get(Math.min(fetched[0]++, tokens.size() - 1)));
    else if (line.get("apiKey") instanceof String key) credential = () -> Map.of("apiKey", key);
    return new Client(new Client.Options(URI.create((String) line.get("url")), number(backoff.get("minMs"), 500), number(backoff.get("maxMs"), 30_000),
      number(line.get("openTimeoutMs"), 10_000), credential, tokens.size() > 1, delayMs -> notice("reconnecting", Map.of("delayMs", delayMs))));
  }

  private void subscribe(Map<String, Object> line) {
    Map<String, Object> request = members(line, "stream", "events", "filter", "replay");
    request.put("subscriptionId", line.get("id"));
    Subscription subscription = client.subscribe(request, (int) number(line.get("buffer"), 1_000));
    subscriptions.put(line.get("id"), subscription);
    CompletableFuture<Void> start = new CompletableFuture<>();
    released.put(line.get("id"), start);
    if (!Boolean.TRUE.equals(line.get("hold"))) start.complete(null);
    subscription.confirmed.thenRun(() -> notice("subscribed", Map.of("subscription", subscription.id)));
    Thread reader = new Thread(() -> read(subscription, start));
    reader.setDaemon(true);
    reader.start();
  }

  private static void read(Subscription subscription, CompletableFuture<Void> start) {
    Map<String, Object> end = new LinkedHashMap<>(Map.of("subscription", subscription.id));
    try {
      start.join();
      for (Object item = subscription.next(); item != null; item = subscription.next()) handOver(subscription, item);
    } catch (Failure failure) {
      end.put("error", failure.json());
    } catch (InterruptedException interrupted) {
      return;
    }
    notice("ended", end);
  }

  /** The lock prevents output of an event that the reader took just before the program unsubscribed. */
  private static void handOver(Subscription subscription, Object item) {
    synchronized (subscription) {
      if (subscription.isUnsubscribed()) return;
      Map<String, Object> members = new LinkedHashMap<>(Map.of("subscription", subscription.id));
      if (item instanceof Gap gap) members.putAll(gap.json());
      else members.put("event", item);
      notice(item instanceof Gap ? "gap" : "event", members);
    }
  }

  private void unsubscribe(Subscription subscription, Object ref) {
    CompletableFuture<Map<String, Object>> result = client.unsubscribe(subscription);
    report(ref, result);
  }

  private static void report(Object ref, CompletableFuture<Map<String, Object>> result) {
    result.whenComplete((data, fault) -> {
      if (ref == null) return;
      Map<String, Object> members = new LinkedHashMap<>();
      members.put("ref", ref);
      members.put("ok", fault == null);
      if (fault == null) members.put("data", data);
      else members.put("error", fault instanceof Failure failure ? failure.json() : Map.of("code", "internal", "message", fault.toString()));
      notice("result", members);
    });
  }

  private static Map<String, Object> members(Map<String, Object> line, String... names) {
    Map<String, Object> members = new LinkedHashMap<>();
    for (String name : names) if (line.containsKey(name)) members.put(name, line.get(name));
    return members;
  }

  private static long number(Object value, long otherwise) {
    long given = Json.integer(value, 0);
    return given >= 0 ? given : otherwise;
  }

  private static void notice(String kind, Map<String, ?> members) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("notice", kind);
    line.putAll(members);
    synchronized (OUT) {
      OUT.println(Json.write(line));
    }
  }
}
