/** Runs acts of the same key one after the other, and those of different keys side by side. */
export interface Turns {
  /** Begins at once, without a turn of the microtask queue, when nothing of that key is under way. */
  readonly take: <T>(key: string, act: () => Promise<T>) => Promise<T>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    take: (key, act) => {
      const before = last.get(key);
      const mine = before === undefined ? act() : before.then(act, act);
      last.set(key, mine);
      const leave = (): void => {
        if (last.get(key) === mine) last.delete(key);
      };
      mine.then(leave, leave);
      return mine;
    },
  };
}
