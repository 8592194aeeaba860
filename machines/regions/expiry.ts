import { all, automatic, not, wantsRunning } from '../guards.ts';
import { isExpired } from '../rules.ts';
import { chart, type Moment } from '../setup.ts';

/**
 * Expiry: a recorded instant after which the instance is stopped, or deleted when that was asked for. While automation is
 * held back nothing is waited for; when it goes on, an instant that has passed meanwhile is due at once, unless somebody
 * starts the instance after it: a person may overrule a date.
 */

const touchesExpiry = ({ event }: Moment): boolean =>
  event.type === 'definition.changed' && event.parts.includes('expiry');
const expires = ({ context }: Moment): boolean => (context.definition?.expiry ?? null) !== null;

const sayArmed = chart.emit(({ context }) => ({
  type: 'expiry.armed' as const,
  expires_at: context.definition?.expiry?.expires_at ?? 0,
}));

const given = (moment: Moment): boolean => touchesExpiry(moment) && expires(moment);

/** Started after the instant, which nothing had come of: it has been reached, and nothing comes of it now. */
const overruled = (moment: Moment): boolean => wantsRunning(moment) && isExpired(moment.context, moment.event.at);

const byIntent = ({ event }: Moment): boolean => event.type === 'automation.changed' && event.by === 'intent';

const onChange = [
  {
    guard: (moment: Moment) => given(moment) && automatic(moment),
    target: '#expiry_armed',
    actions: sayArmed,
    reenter: true,
  },
  { guard: given, target: '#expiry_held', actions: sayArmed },
  { guard: touchesExpiry, target: '#expiry_none' },
];

export const expiry = chart.createStateConfig({
  initial: 'none',
  states: {
    none: { id: 'expiry_none', on: { 'definition.changed': onChange.slice(0, 2) } },
    armed: {
      id: 'expiry_armed',
      after: {
        expiry: {
          target: 'due',
          actions: [
            chart.emit(({ context }) => ({
              type: 'expiry.due' as const,
              then: context.definition?.expiry?.then ?? ('stop' as const),
            })),
            chart.raise(({ context, event }) => ({
              type: 'expiry.reached' as const,
              at: event.at,
              then: context.definition?.expiry?.then ?? ('stop' as const),
            })),
          ],
        },
      },
      on: {
        'definition.changed': onChange,
        'instance.gone': { target: '#expiry_none' },
        'automation.changed': { guard: not(automatic), target: '#expiry_held' },
      },
    },
    held: {
      id: 'expiry_held',
      on: {
        'definition.changed': onChange,
        'instance.gone': { target: '#expiry_none' },
        'intent.changed': { guard: overruled, target: '#expiry_due' },
        'automation.changed': [
          { guard: all(automatic, byIntent, overruled), target: '#expiry_due' },
          { guard: automatic, target: '#expiry_armed' },
        ],
      },
    },
    due: { id: 'expiry_due', on: { 'definition.changed': onChange } },
  },
});
