import { createHash, timingSafeEqual } from 'node:crypto';
import { SCOPES, type Scope } from './use-cases/contract.ts';

/** One bearer token and what its holder may do. */
export interface TokenGrant {
  readonly token: string;
  /** Name of the holder, as it stands in the records. */
  readonly actor: string;
  readonly scopes: readonly Scope[];
}

export interface Holder {
  readonly actor: string;
  /** With every scope that those granted include. */
  readonly scopes: readonly Scope[];
}

/** Tells whose token that is; null when it is nobody's. */
export type Tokens = (token: string) => Holder | null;

/** Compares hashes in constant time, and always with every token, so that the time tells nothing. */
export function createTokens(grants: readonly TokenGrant[]): Tokens {
  const known = grants
    .filter(({ token }) => token !== '')
    .map(({ token, actor, scopes }) => ({ hash: hashOf(token), holder: { actor, scopes: included(scopes) } }));
  return (token) => {
    const hash = hashOf(token);
    let found: Holder | null = null;
    for (const candidate of known) if (timingSafeEqual(candidate.hash, hash)) found = candidate.holder;
    return found;
  };
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function included(scopes: readonly Scope[]): readonly Scope[] {
  const highest = Math.max(-1, ...scopes.map((scope) => SCOPES.indexOf(scope)));
  return SCOPES.slice(0, highest + 1);
}
