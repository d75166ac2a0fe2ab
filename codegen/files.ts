/** Reads the files of a contract: UTF-8 text of bounded size. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ContractError, sourceOf } from './source.ts';
import type { Source } from './source.ts';

/** The maximum size of a file. The stock contract has 200 KiB. */
export const LARGEST_BYTES = 4 * 1024 * 1024;

/** @throws {ContractError} when the file is too large or not UTF-8 text; file system errors are not caught. */
export async function readSource(file: string): Promise<Source> {
  return sourceOf(file, await readText(file));
}

/**
 * Reads a file to which a contract refers.
 * @throws {UnreadableFile} if there is no such file, or it must not be read
 * @throws {ContractError} if the file is invalid
 */
export type ReadFile = (path: string) => Promise<Source>;

/** A file to which a contract refers cannot be read. The message continues a sentence about the reference. */
export class UnreadableFile extends Error {
  readonly reason: string;

  /**
   * @param reason begins with "which"
   * @param remedy a sentence that tells what to do
   */
  constructor(reason: string, remedy: string, options?: ErrorOptions) {
    super(`${reason}. ${remedy}`, options);
    this.name = 'UnreadableFile';
    this.reason = reason;
  }
}

export const readFromDisk: ReadFile = async (path) => {
  try {
    if ((await stat(path)).isFile()) return await readSource(path);
  } catch (error) {
    if (error instanceof ContractError) throw error;
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UnreadableFile(`which cannot be read (${reason})`, 'Correct the path.', { cause: error });
  }
  throw new UnreadableFile('which is a directory or a device', 'Refer to a file.');
};

/** Refuses every file. It is used for a document from an address: its references must not lead to files of this machine. */
export const readNothing: ReadFile = () =>
  Promise.reject(
    new UnreadableFile(
      'which is in another file, and only one file is read from an address',
      "Save the files and use their path, or use the address of a contract in one file, such as a gateway's /asyncapi.yaml.",
    ),
  );

/** Reads the file as a stream, because a pipe or a device has no size and may never end. */
async function readText(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BYTES)
      throw refusal(
        file,
        1,
        `has more than ${LARGEST_BYTES / 1024 / 1024} MiB. Split it, and refer to its parts by $ref.`,
      );
    chunks.push(chunk);
  }
  return decode(file, Buffer.concat(chunks));
}

function decode(file: string, bytes: Buffer): string {
  const text = new TextDecoder('utf-8').decode(bytes);
  // Find the line of the first invalid byte. The decoder replaces bytes that are not UTF-8 by U+FFFD, a character
  // that the file itself may also contain.
  const at = text.includes('\0') || !Buffer.from(text).equals(withoutMark(bytes)) ? text.search(/[\0\uFFFD]/) : -1;
  if (at === -1) return text;
  throw refusal(file, text.slice(0, at).split('\n').length, 'is not UTF-8 text. Save the contract as UTF-8.');
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(Buffer.from('\uFEFF')) ? bytes.subarray(3) : bytes;
}

function refusal(file: string, line: number, text: string): ContractError {
  return new ContractError(file, [{ rule: 'file', pointer: '', line, text }]);
}
