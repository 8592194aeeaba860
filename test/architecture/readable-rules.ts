/**
 * What a reader is spared, checked on the text of files. The rules that the linter can check are in biome.json; these
 * are the ones it cannot. Each answers the offences as `line N: what is wrong`.
 */

export const FUNCTION_LINES_MAX = 70;

/** Words that say nothing about what is in a file. */
const EMPTY_NAME = /(^|[-./])(utils?|helpers?|common|managers?|misc)([-./]|$)/;

/** The marks of unfinished work, put together here so that this file does not hold them. */
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);

/** Places that exist on one machine only. */
const MACHINE_PLACE = new RegExp(
  `(^|[^\\w.:/-])/(${['wo' + 'rk', 'tmp/br' + 'ief', 'ho' + 'me', 'ro' + 'ot'].join('|')})/`,
);

/** Ways to leave a test out that no linter rule knows. */
const LEFT_OUT =
  /\b(skipIf|runIf|todo|fails)\(|\.(skip|only|todo|fails)\b(?=[.(])|\b(xit|xtest|xdescribe|fit|fdescribe)\(/;

function offendingLines(text: string, pattern: RegExp, what: string): string[] {
  return text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`line ${index + 1}: ${what}`] : []));
}

/** A name such as "utils" collects whatever has no home. */
export function emptyNames(path: string): string[] {
  return EMPTY_NAME.test(path) ? [`${path}: the name does not say what is in it`] : [];
}

export function unfinishedMarks(text: string): string[] {
  return offendingLines(text, UNFINISHED, 'unfinished work is left in the text');
}

export function machinePlaces(text: string): string[] {
  return offendingLines(text, MACHINE_PLACE, 'a place that exists on one machine only');
}

export function leftOutTests(text: string): string[] {
  return offendingLines(text, LEFT_OUT, 'a test is left out, or is the only one');
}

/**
 * Functions of a test file that do not fit a screen. A `describe` block is a chapter, not a function, so the linter's
 * rule cannot be used there. The formatter puts a block's end at the indentation of its beginning.
 */
export function longTestFunctions(text: string): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const indentation = /^ */.exec(line)![0];
    const opens = line.endsWith('{') && /=>|\bfunction\b/.test(line) && !/^ *describe\b/.test(line);
    if (!opens) return [];
    const end = lines.findIndex((later, at) => at > index && later.startsWith(`${indentation}}`));
    const length = (end < 0 ? lines.length : end) - index - 1;
    return length > FUNCTION_LINES_MAX ? [`line ${index + 1}: a function of ${length} lines`] : [];
  });
}
