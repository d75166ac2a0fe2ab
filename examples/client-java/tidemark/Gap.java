package tidemark;

import java.util.LinkedHashMap;
import java.util.Map;

/** Events after `from` up to `to` cannot be delivered. `repair` is the `repair` of the server, or null. */
record Gap(String reason, Position from, Position to, Object repair) {
  /** The gap in the data of a push, or null when a member is missing. */
  static Gap of(Map<String, Object> data) {
    Position from = Position.of(data.get("from"));
    Position to = Position.of(data.get("to"));
    return data.get("reason") instanceof String reason && from != null && to != null ? new Gap(reason, from, to, data.get("repair")) : null;
  }

  Map<String, Object> json() {
    Map<String, Object> members = new LinkedHashMap<>(Map.of("reason", reason, "from", from.json(), "to", to.json()));
    if (repair != null) members.put("repair", repair);
    return members;
  }
}
