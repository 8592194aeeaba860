import type { UseCaseOptions, UseCases } from './contract.ts';

/** One implementation of each use case, for every door. */
export function createUseCases(_options: UseCaseOptions): UseCases {
  throw new Error('The use cases are not built yet.');
}
