/**
 * Handles file names that may not be valid UTF-8. Within the file source, a name or path is a string with one character per byte, so that
 * no name is changed. Names and paths are decoded only when they are reported.
 */

/** A name or a path with one character (U+0000 to U+00FF) per byte. */
export type ByteString = string;

/** The maximum length of `RelativePath` in the contract, in characters. */
const LONGEST_PATH = 4096;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const NOT_ASCII = /[\u0080-\uffff]/;
/** Matches a segment `..`; the separator can be that of Unix or of Windows. */
const LEAVES_ROOT = /(?:^|[/\\])\.\.(?:$|[/\\])/;

export function toByteString(text: string): ByteString {
  return NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** The bytes of the path, for the functions of `node:fs`. */
export function toBuffer(path: ByteString): Buffer {
  return Buffer.from(path, 'latin1');
}

/** The decoded name or path; undefined if its bytes are not UTF-8. */
export function toText(bytes: ByteString): string | undefined {
  if (!NOT_ASCII.test(bytes)) return bytes;
  try {
    return utf8.decode(toBuffer(bytes));
  } catch {
    return undefined;
  }
}

/** The decoded path, if an event can contain it (`RelativePath` of the contract); otherwise undefined. */
export function toReportablePath(bytes: ByteString): string | undefined {
  const text = toText(bytes);
  if (text === undefined || text.length > LONGEST_PATH || text.startsWith('\\') || LEAVES_ROOT.test(text))
    return undefined;
  return text;
}

/** A printable form of a name or path for warnings, even if its bytes are not UTF-8. */
export function toDisplay(bytes: ByteString): string {
  return JSON.stringify(toText(bytes) ?? toBuffer(bytes).toString('utf8'));
}
