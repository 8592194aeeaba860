import { PlacedError } from '../yaml-source.ts';

/** A scenario that cannot be run as it is written: what is wrong, and where. */
export class ScenarioError extends PlacedError {
  override readonly name = 'ScenarioError';
}
