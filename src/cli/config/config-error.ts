/** One thing that is wrong with how the daemon is configured. */
export interface Problem {
  /** `FILE:LINE:COLUMN`, a variable of the environment, or a flag. */
  readonly where: string;
  /** The key at fault; empty when it is not about one. */
  readonly key: string;
  readonly message: string;
}

/** A configuration that is not used: each thing that is wrong has its line. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(unsorted: readonly Problem[]) {
    const problems = [...unsorted].sort(byPlace);
    super(problems.map(problemLine).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export function problemLine({ where, key, message }: Problem): string {
  return [where, key, message].filter((part) => part !== '').join(': ');
}

/** As a reader of the file meets them: by line and column, which are numbers. */
function byPlace(one: Problem, other: Problem): number {
  return one.where.localeCompare(other.where, 'en', { numeric: true });
}
