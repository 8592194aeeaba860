/** SQLite's primary result codes that this log tells apart. */
export const SQLITE_BUSY = 5;
export const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;
export const SQLITE_FULL = 13;
export const SQLITE_NOTADB = 26;

const PRIMARY_CODE_MASK = 0xff;

/** The primary result code of an error thrown by node:sqlite; null for any other error. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & PRIMARY_CODE_MASK;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
