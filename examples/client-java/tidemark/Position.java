package tidemark;

import java.util.Map;

/** A position in a stream; sequence numbers compare only within one epoch. */
record Position(String epoch, long sequenceId) {
  /** The position in an object that has one, or null: a value that cannot be a position is not taken for one (CLI-10). */
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
