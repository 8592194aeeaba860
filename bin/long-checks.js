/**
 * Checks that take minutes and so are not part of `npm test`. `npm run long` runs them in this order, each on the
 * pinned Node from the project's directory; each fails by its exit code or by its time limit.
 *
 * @typedef {{ name: string, script: string, args: readonly string[], minutesMax: number, why: string }} LongCheck
 * @type {readonly LongCheck[]}
 */
export const longChecks = [];
