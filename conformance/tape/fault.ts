/** Thrown for an invalid tape. */
export class TapeError extends Error {
  override readonly name = 'TapeError';
  readonly file: string;
  readonly line: number;

  constructor(file: string, line: number, text: string) {
    super(`${file}:${line}: ${text}`);
    this.file = file;
    this.line = line;
  }
}
