package tidemark;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON as maps, lists, strings, Long, BigDecimal, Boolean and null: the JDK has no JSON parser (RFC 8259). */
final class Json {
  static final long MAX_INTEGER = (1L << 53) - 1;
  private static final int MAX_DEPTH = 200;

  static final class Invalid extends RuntimeException {
    private static final long serialVersionUID = 1;

    Invalid(String message) {
      super(message, null, false, false);
    }
  }

  private final String text;
  private int at = 0;

  private Json(String text) {
    this.text = text;
  }

  /** @throws Invalid when the text is not one JSON value, or is nested more than 200 levels deep. */
  static Object parse(String text) {
    Json reader = new Json(text);
    Object value = reader.value(0);
    reader.space();
    if (reader.at < text.length()) throw reader.invalid("the end");
    return value;
  }

  /** The value as an object. If it is not an object, an empty one, so that callers need no further test. */
  @SuppressWarnings("unchecked")
  static Map<String, Object> object(Object value) {
    return value instanceof Map ? (Map<String, Object>) value : Map.of();
  }

  static List<?> list(Object value) {
    return value instanceof List<?> list ? list : List.of();
  }

  /** The value as an integer of at least `least`; -1 if it is not such an integer (ENV-5). */
  static long integer(Object value, long least) {
    // The scale is limited because of the time that a number such as 1e999999999 would take.
    if (value instanceof BigDecimal decimal && Math.abs(decimal.scale()) < 20 && decimal.remainder(BigDecimal.ONE).signum() == 0)
      value = decimal.abs().compareTo(BigDecimal.valueOf(MAX_INTEGER)) > 0 ? -1L : decimal.longValue();
    return value instanceof Long number && number >= least && number <= MAX_INTEGER ? number : -1;
  }

  private Object value(int depth) {
    if (depth > MAX_DEPTH) throw invalid("less nesting");
    space();
    char first = peek();
    if (first == '{') return members(depth);
    if (first == '[') return items(depth);
    if (first == '"') return string();
    if (first == '-' || Character.isDigit(first)) return number();
    if (word("true")) return true;
    if (word("false")) return false;
    if (word("null")) return null;
    throw invalid("a value");
  }

  private Map<String, Object> members(int depth) {
    Map<String, Object> members = new LinkedHashMap<>();
    at += 1;
    space();
    if (take('}')) return members;
    do {
      space();
      if (peek() != '"') throw invalid("a name");
      String name = string();
      space();
      if (!take(':')) throw invalid("':'");
      members.put(name, value(depth + 1));
      space();
    } while (take(','));
    if (!take('}')) throw invalid("'}'");
    return members;
  }

  private List<Object> items(int depth) {
    List<Object> items = new ArrayList<>();
    at += 1;
    space();
    if (take(']')) return items;
    do {
      items.add(value(depth + 1));
      space();
    } while (take(','));
    if (!take(']')) throw invalid("']'");
    return items;
  }

  private String string() {
    StringBuilder out = new StringBuilder();
    at += 1;
    while (true) {
      char next = peek();
      at += 1;
      if (next == '"') return out.toString();
      if (next < ' ') throw invalid("an escaped control character");
      out.append(next == '\\' ? escaped() : next);
    }
  }

  private char escaped() {
    char kind = peek();
    at += 1;
    int known = "\"\\/bfnrt".indexOf(kind);
    if (known >= 0) return "\"\\/\b\f\n\r\t".charAt(known);
    if (kind != 'u' || at + 4 > text.length()) throw invalid("an escape");
    int code = 0;
    for (int end = at + 4; at < end; at += 1) {
      int digit = Character.digit(text.charAt(at), 16);
      if (digit < 0) throw invalid("four hexadecimal digits");
      code = code * 16 + digit;
    }
    return (char) code;
  }

  private Object number() {
    int start = at;
    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) at += 1;
    String digits = text.substring(start, at);
    try {
      return digits.matches("-?(0|[1-9][0-9]{0,17})") ? (Object) Long.valueOf(digits) : new BigDecimal(digits);
    } catch (ArithmeticException | NumberFormatException fault) {
      throw invalid("a number");
    }
  }

  private boolean word(String word) {
    if (!text.startsWith(word, at)) return false;
    at += word.length();
    return true;
  }

  private char peek() {
    if (at >= text.length()) throw invalid("more text");
    return text.charAt(at);
  }

  private boolean take(char wanted) {
    if (at >= text.length() || text.charAt(at) != wanted) return false;
    at += 1;
    return true;
  }

  private void space() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at += 1;
  }

  private Invalid invalid(String expected) {
    return new Invalid("invalid JSON at character " + at + ": expected " + expected);
  }

  static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out);
    return out.toString();
  }

  private static void write(Object value, StringBuilder out) {
    if (value instanceof Map<?, ?> members) {
      String separator = "{";
      for (Map.Entry<?, ?> member : members.entrySet()) {
        quote(member.getKey().toString(), out.append(separator));
        write(member.getValue(), out.append(':'));
        separator = ",";
      }
      out.append(members.isEmpty() ? "{}" : "}");
    } else if (value instanceof List<?> items) {
      String separator = "[";
      for (Object item : items) {
        write(item, out.append(separator));
        separator = ",";
      }
      out.append(items.isEmpty() ? "[]" : "]");
    } else if (value instanceof CharSequence text) quote(text, out);
    else out.append(value);
  }

  private static void quote(CharSequence text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i += 1) {
      char next = text.charAt(i);
      if (next == '"' || next == '\\') out.append('\\').append(next);
      else if (next < ' ' || Character.isSurrogate(next)) out.append(String.format("\\u%04x", (int) next));
      else out.append(next);
    }
    out.append('"');
  }
}
