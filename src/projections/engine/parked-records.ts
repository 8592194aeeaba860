import type { Position } from '../../actors/contracts/log.ts';

/** Records on which one projection throws that are kept by name; further ones are only counted. */
export const PARKED_MAX = 100;
/** Characters of an error that are kept. */
const ERROR_MAX = 512;

/** A record that a projection could not take in. The others go on; a rebuild tries it again. */
export interface ParkedRecord {
  readonly position: Position;
  readonly stream: string;
  readonly version: number;
  readonly error: string;
}

/** The poison of one projection: the first ones by name, all of them counted. */
export class ParkedRecords {
  readonly #kept: ParkedRecord[] = [];
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(at: Pick<ParkedRecord, 'position' | 'stream' | 'version'>, error: unknown): void {
    this.#total += 1;
    if (this.#kept.length >= PARKED_MAX) return;
    const { position, stream, version } = at;
    const message = error instanceof Error ? error.message : String(error);
    this.#kept.push({ position, stream, version, error: message.slice(0, ERROR_MAX) });
  }

  list(): readonly ParkedRecord[] {
    return this.#kept;
  }
}
