import { relative } from 'node:path';
import { mayHaveVmm } from '../../../machines/public-states.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { portLines } from '../output.ts';

/** What the daemon tells the person at its terminal. */

/** Names that are listed before the rest is only counted. */
const NAMES_MAX = 5;

/** `1 VM: hello`, `7 VMs: a, b, c, d, e and 2 more`. */
function vmsNamed(names: readonly string[]): string {
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : '';
  return `${names.length} VM${names.length === 1 ? '' : 's'}: ${names.slice(0, NAMES_MAX).join(', ')}${more}`;
}

export function tookOver(names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`Took over what ran on meanwhile, ${vmsNamed(names)}.`];
}

/** The data directory of the daemon. */
export interface DataPlace {
  /** As it was given. */
  readonly data: string;
  readonly directory: string;
  /** Other commands find it without being told. */
  readonly isFound: boolean;
}

/** Where to look now, and how it all ends. */
export function whereToLook(hello: InstanceView | null, isSimulated: boolean, place: DataPlace): string[] {
  const name = hello?.name ?? 'NAME';
  const flag = place.isFound ? '' : ` --data ${place.data}`;
  const commands = [
    [`ps${flag}`, 'every instance'],
    [`history ${name}${flag}`, 'what happened to it, and why'],
    [`logs ${name}${flag}`, 'what it prints'],
    [`stop ${name}${flag}`, 'stop it; it stays stopped'],
  ] as const;
  const width = Math.max(...commands.map(([command]) => command.length));
  return [
    ...(hello === null ? [] : addressLines(hello, isSimulated)),
    'Look around in a second terminal:',
    ...commands.map(([command, what]) => `  npx statevisor ${command.padEnd(width)}  ${what}`),
    `Everything it knows is in ${shortest(place.directory)}`,
    'Ctrl-C stops this daemon and leaves VMs running; the next `npm start` takes them over.',
  ];
}

function addressLines(hello: InstanceView, isSimulated: boolean): string[] {
  if (isSimulated) return [`${hello.name} is simulated: nobody answers on its ports.`];
  return hello.state === 'Running' ? [`${hello.name} answers at`, ...portLines(hello)] : [];
}

/** Its VM is not ended by the end of the daemon. One of which nobody can say whether it lives is named too, unless its end is known. */
export function mayRunOn({ phase, stopped_at }: Pick<InstanceView, 'phase' | 'stopped_at'>): boolean {
  return mayHaveVmm(phase) && stopped_at === null;
}

export function stopping(running: readonly string[]): string[] {
  if (running.length === 0) return ['Stopping; no VM is running.'];
  return [
    `Stopping; these run on, ${vmsNamed(running)}.`,
    'The next start takes over what runs on. To end a VM, start again and `npx statevisor stop NAME`.',
  ];
}

/** A path as somebody in the working directory would write it. */
function shortest(path: string): string {
  const inside = relative('.', path);
  return inside === '' || inside.startsWith('..') ? path : inside;
}
