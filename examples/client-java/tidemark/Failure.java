package tidemark;

import java.util.Map;

/** An error of the protocol, with the code of the contract, or `connection_lost`, `closed`, `wrong_reply` of this client. */
final class Failure extends RuntimeException {
  private static final long serialVersionUID = 1;

  final String code;
  final boolean retryable;
  final Object retryAfterMs;

  Failure(String code, String message) {
    this(code, message, false, null);
  }

  private Failure(String code, String message, boolean retryable, Object retryAfterMs) {
    super(message, null, false, false);
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }

  static Failure of(Map<String, Object> data) {
    String code = data.get("code") instanceof String text ? text : "internal";
    String message = data.get("message") instanceof String text ? text : "The server gave no message.";
    return new Failure(code, message, Boolean.TRUE.equals(data.get("retryable")), data.get("retryAfterMs"));
  }

  Map<String, Object> json() {
    return Map.of("code", code, "message", getMessage());
  }
}
