import { toStateData } from '../../machines/step.ts';
import { realities } from './alphabet.ts';
import { START } from './definitions.ts';
import { leafOf } from './exploration.ts';
import { momentAt, PLACES } from './places.ts';

/** The table state × reality → outcome, read off the chart. */

const HEAD = ['state', 'reality', 'goes to', 'asks for'];

function labelOf(found: object): string {
  const { reality, ready, reason, code } = found as Record<string, unknown>;
  if (reality === 'running') return ready === true ? 'running, ready' : 'running, not ready';
  if (reality !== 'ended') return String(reality);
  return code === 0 ? 'ended with 0' : `ended: ${String(reason)}`;
}

function rowsOf(place: string): string[][] {
  const { number } = PLACES[place]!().snapshot().context.run;
  const heard = realities(number, START).map((event): string[] => {
    const driver = PLACES[place]!();
    const before = JSON.stringify(toStateData(driver.snapshot()));
    const { at: _stamp, ...unsent } = event;
    const step = driver.send(momentAt(place), unsent);
    const asked = step.effects.map(({ kind }) => `\`${kind}\``).join(', ');
    const same = !step.accepted && JSON.stringify(toStateData(step.next)) === before;
    const label = labelOf('found' in event ? event.found : {});
    return [`\`${place}\``, label, same ? 'nothing happens' : `\`${leafOf(step.next)}\``, asked];
  });
  return heard;
}

/** States without a wait whose reality may differ are in it too: what runs may have ended while nobody looked. */
export function recoveryTable(): string {
  const rows = Object.keys(PLACES).flatMap(rowsOf);
  const lines = [HEAD, HEAD.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n');
}
