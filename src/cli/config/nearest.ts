/** Of a misspelt word's letters, one in so many may be wrong for a suggestion to be worth making. */
const LETTERS_PER_SLIP = 3;

/** The word that was probably meant, or null when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const slipsMax = Math.max(1, Math.floor(word.length / LETTERS_PER_SLIP));
  const [best] = candidates
    .map((candidate) => ({ candidate, slips: slipsBetween(word, candidate) }))
    .filter(({ slips }) => slips <= slipsMax)
    .sort((a, b) => a.slips - b.slips);
  return best?.candidate ?? null;
}

/** How many letters have to be put in, left out, replaced or swapped with their neighbour to make one word of the other. */
function slipsBetween(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, index) => index)];
  for (let line = 1; line <= from.length; line++) {
    const [above, next] = [rows[line - 1]!, [line]];
    for (let column = 1; column <= to.length; column++) {
      const replaced = above[column - 1]! + (from[line - 1] === to[column - 1] ? 0 : 1);
      const isSwap = from[line - 1] === to[column - 2] && from[line - 2] === to[column - 1];
      const swapped = isSwap ? rows[line - 2]![column - 2]! + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(replaced, swapped, above[column]! + 1, next[column - 1]! + 1));
    }
    rows.push(next);
  }
  return rows[from.length]![to.length]!;
}
