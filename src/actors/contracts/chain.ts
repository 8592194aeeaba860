import { hash } from 'node:crypto';

/** The link of one entry to the one before it in its stream: SHA-256, hex, over previous hash + exact bytes. */
export function chainHash(prevHash: string, bytes: string): string {
  return hash('sha256', prevHash + bytes, 'hex');
}
