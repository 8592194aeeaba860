import { safeSentence } from '../../actors/contracts/safe-sentence.ts';
import { TableError } from './kernel-table.ts';

/** What is told of an error: our own sentences as they are, of anything else only that it happened. */
export function sentenceOf(error: unknown): string {
  if (error instanceof TableError) return safeSentence(error.message);
  return safeSentence(`connections could not be read: ${error instanceof Error ? error.message : String(error)}`);
}
