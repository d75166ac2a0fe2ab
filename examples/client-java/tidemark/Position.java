package tidemark;

import java.util.Map;

/** A position in a stream; sequence numbers compare only within one epoch. */
record Position(String epoch, long sequenceId) {
  /** The position in an object, or null if its members are missing or invalid (CLI-10). */
  static Position of(Object value) {
    Map<String, Object> members = Json.object(value);
    long sequenceId = Json.integer(members.get("sequenceId"), 0);
    return members.get("epoch") instanceof String epoch && !epoch.isEmpty() && sequenceId >= 0 ? new Position(epoch, sequenceId) : null;
  }

  boolean reaches(Position other) {
    return epoch.equals(other.epoch) && sequenceId >= other.sequenceId;
  }

  Map<String, Object> json() {
    return Map.of("epoch", epoch, "sequenceId", sequenceId);
  }
}
