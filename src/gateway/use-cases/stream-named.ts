import type { CommandTaker } from '../../actors/supervisor.ts';

/** Streams of instances outlive them: what happened is still told under the whole id. */
const WHOLE_ID = /^[0-9a-z]{26}$/;

/** The stream of the instance of that id, name or beginning of an id. Throws not_found or ambiguous. */
export function streamNamed(supervisor: Pick<CommandTaker, 'resolve'>, text: string): string {
  try {
    return supervisor.resolve(text);
  } catch (error) {
    if (WHOLE_ID.test(text)) return text;
    throw error;
  }
}
