/** Reads the body of an HTTP response of a server that may not be a gateway. */

/** Maximum size of a response of a gateway, in bytes. A page of a listing has at most a few megabytes. */
export const MAXIMUM_RESPONSE_BYTES = 64 * 1024 * 1024;
/** Maximum size of a contract, in bytes. A contract has some hundred kilobytes. */
export const MAXIMUM_CONTRACT_BYTES = 16 * 1024 * 1024;

/** @returns the text of the body. Undefined if it is longer than the maximum; then the rest is not read, and the connection is closed */
export async function readText(
  body: AsyncIterable<Uint8Array> | null,
  maximumBytes: number,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maximumBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
