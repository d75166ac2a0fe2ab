package tidemark;

import java.util.Map;
import java.util.TreeSet;

/**
 * The state of one subscription: from where to resume on the next connection, and which events were already delivered.
 * It uses no socket and no clock.
 */
final class Cursor {
  private enum Replay { NONE, WARM, RESUME }

  private final Map<String, Object> firstReplay;
  /** Every event up to this position was delivered or reported as lost; null while there is no such position. */
  private Position position;
  /** The newest position at which `heartbeat.delivered` was right. After a loss the client resumes from here. */
  private Position proven;
  /** Every event up to this number was delivered, so an event at or below it is a duplicate. */
  private Position floor;
  /** Numbers above `floor` of the delivered events of `epoch`. */
  private final TreeSet<Long> handedOver = new TreeSet<>();
  private String epoch;
  private Replay replay = Replay.NONE;
  /** The position at which the latest picture was taken; null after the picture was received completely. */
  private Position picture;
  private boolean resuming;
  private boolean withoutPicture;

  /** @param firstReplay `replay` as the program asked for it, or an empty object */
  Cursor(Map<String, Object> firstReplay) {
    this.firstReplay = firstReplay;
    if ("resume".equals(firstReplay.get("mode"))) position = Position.of(firstReplay.get("after"));
    if (position != null) epoch = position.epoch();
  }

  /** The `replay` of the next subscribe; an empty object selects the server's default. */
  Map<String, Object> request() {
    resuming = position != null;
    withoutPicture = !resuming && "none".equals(firstReplay.get("mode"));
    replay = withoutPicture ? Replay.NONE : resuming ? Replay.RESUME : Replay.WARM;
    settle(position);
    if (resuming) return Map.of("mode", "resume", "after", position.json());
    return "resume".equals(firstReplay.get("mode")) ? Map.of("mode", "warm") : firstReplay;
  }

  /**
   * @return the gap to report, or null. There is a gap if the server did not attempt the resume, or if the last connection
   * ended during a picture
   */
  Gap subscribed(Map<String, Object> data) {
    Position at = Position.of(data.get("position"));
    Map<String, Object> recovery = Json.object(data.get("recovery"));
    if (at == null || recovery.isEmpty()) throw new Failure("wrong_reply", "The server sent `subscribed` without position or recovery.");
    if (epoch == null) epoch = at.epoch();
    if (!resuming) return begin(at);
    if (Boolean.TRUE.equals(recovery.get("recovered"))) return null;
    picture = at;
    Position from = position;
    position = null;
    proven = null;
    replay = Replay.WARM;
    if (Boolean.TRUE.equals(recovery.get("attempted"))) return null;
    enter(at.epoch());
    return new Gap("resume_not_attempted", from, at, null);
  }

  /**
   * Begins at a position. If the last connection ended during a picture, the new picture may lack events that were
   * published since then, because it has only the current state. So a gap is reported (CLI-13).
   */
  private Gap begin(Position at) {
    Position from = picture == null || picture.reaches(at) ? null : picture;
    // The program rebuilds its state, so it needs the whole new picture.
    if (from != null) enter(at.epoch());
    if (withoutPicture) settle(at);
    picture = withoutPicture ? null : at;
    return from == null ? null : new Gap("state_invalidated", from, at, null);
  }

  /** @return the gap to report before the event, or null */
  Gap entering(Position at) {
    if (epoch == null || epoch.equals(at.epoch())) {
      epoch = at.epoch();
      return null;
    }
    Position from = position != null && position.epoch().equals(epoch) ? position : new Position(epoch, handedOver.isEmpty() ? 0 : handedOver.last());
    enter(at.epoch());
    position = null;
    return new Gap("epoch_changed", from, new Position(at.epoch(), Math.max(0, at.sequenceId() - 1)), null);
  }

  /** @return whether to deliver the event to the program */
  boolean event(Position at) {
    boolean duplicate = (floor != null && floor.reaches(at)) || !handedOver.add(at.sequenceId());
    if (replay != Replay.WARM && (position == null || !position.reaches(at))) position = at;
    return !duplicate;
  }

  void gap(Gap gap) {
    if (gap.reason().equals("source_overflow")) return;
    if (!gap.to().epoch().equals(epoch)) enter(gap.to().epoch());
    if (replay != Replay.WARM) position = gap.to();
  }

  void replayComplete(Position at) {
    if (replay == Replay.NONE) return;
    replay = Replay.NONE;
    position = at;
    picture = null;
  }

  /** A heartbeat whose `delivered` is right; `at` is its position for the stream, or null. */
  void proof(Position at) {
    if (replay == Replay.NONE && position != null && at != null && at.reaches(position)) position = at;
    settle(position);
  }

  /** The server has made all positions invalid (close code 43xx). Returns the gap to report. */
  Gap invalidate() {
    Position from = position != null ? position : new Position(epoch == null ? "" : epoch, 0);
    boolean began = epoch != null;
    enter(null);
    position = null;
    return began ? new Gap("state_invalidated", from, from, null) : null;
  }

  /** Events were lost on the way. Returns the gap to report when there is no position to resume from. */
  Gap lost() {
    Position from = position;
    position = proven;
    if (proven != null || epoch == null) return null;
    return new Gap("events_lost", from != null ? from : new Position(epoch, 0), from != null ? from : new Position(epoch, 0), null);
  }

  private void enter(String next) {
    epoch = next;
    handedOver.clear();
    floor = null;
    proven = null;
  }

  private void settle(Position at) {
    if (at == null) return;
    position = at;
    proven = at;
    if (!at.epoch().equals(epoch)) return;
    floor = at;
    handedOver.headSet(at.sequenceId(), true).clear();
  }
}
