import { signal } from '@preact/signals';

/** Who looks, and at what. The token is kept for this tab only, and never stands in the address for longer than it takes to read it. */

const TOKEN_KEY = 'statevisor.token';

export const token = signal<string | null>(null);
/** Why the last one was not taken. */
export const signInProblem = signal<string | null>(null);

export interface Place {
  /** Id or name; null: the list of all. */
  readonly instance: string | null;
  /** Null: the present. */
  readonly version: number | null;
}

export const place = signal<Place>({ instance: null, version: null });

/** To be called once, before anything is drawn. */
export function openSession(): void {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null && given !== '') sessionStorage.setItem(TOKEN_KEY, given);
  token.value = sessionStorage.getItem(TOKEN_KEY);
  place.value = placeIn(location.hash);
  history.replaceState(null, '', addressOf(place.value));
  addEventListener('popstate', () => {
    place.value = placeIn(location.hash);
  });
}

export function signIn(given: string): void {
  sessionStorage.setItem(TOKEN_KEY, given);
  signInProblem.value = null;
  token.value = given;
}

export function signOut(problem: string | null): void {
  sessionStorage.removeItem(TOKEN_KEY);
  signInProblem.value = problem;
  token.value = null;
}

/** A step in the browser's own history, except from one moment of an instance to another. */
export function goTo(next: Place): void {
  const isSame = next.instance === place.value.instance;
  if (isSame) history.replaceState(null, '', addressOf(next));
  else history.pushState(null, '', addressOf(next));
  place.value = next;
}

export function addressOf({ instance, version }: Place): string {
  const fields = new URLSearchParams();
  if (instance !== null) fields.set('instance', instance);
  if (version !== null) fields.set('version', String(version));
  const text = fields.toString();
  return text === '' ? location.pathname : `#${text}`;
}

function placeIn(hash: string): Place {
  const fields = new URLSearchParams(hash.slice(1));
  const version = Number(fields.get('version') ?? Number.NaN);
  return {
    instance: fields.get('instance') || null,
    version: Number.isInteger(version) && version > 0 ? version : null,
  };
}
