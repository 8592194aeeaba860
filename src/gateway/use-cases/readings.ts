import { mayHaveVmm, showsHealth } from '../../../machines/public-states.ts';
import { heldUntil } from '../../../machines/wakefulness.ts';
import { nextMinutes } from '../../actors/schedules/next-minutes.ts';
import type { DurationFields } from '../../projections/durations.ts';
import { type ProbesView, probesView, withReading } from '../../projections/health-view.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import { withAddress6 } from '../../projections/network-view.ts';
import { type RestartForecastView, restartForecastView } from '../../projections/restart-view.ts';
import type { WakefulnessView } from '../../projections/wakefulness.ts';
import type { Reply, UseCaseOptions } from './contract.ts';

/** An instance as get and list show it: its view, and what is known at the moment of the look. */
export type TimedView = InstanceView & Partial<DurationFields>;

/** An instance as get shows it, which is looked at more closely. */
export type WholeView = AccountedView & {
  readonly restart_forecast?: RestartForecastView;
  readonly probes?: ProbesView;
  /** Of a hold that has not elapsed. */
  readonly hold_until?: string;
  /** The next minute of each schedule that it has, and that something comes of. */
  readonly next_scheduled?: Readonly<Record<string, string>>;
};

type Told = Pick<WholeView, 'restart_forecast' | 'hold_until'>;

/** With how long it has been awake and asleep; absent while the history has not been read. */
export type AccountedView = TimedView & { readonly wakefulness?: WakefulnessView };

export interface Readings {
  whole(view: InstanceView): Promise<WholeView>;
  accounted(view: InstanceView): AccountedView;
  /** The body of a list. Its instances are put together when somebody looks at them. */
  page(
    views: readonly InstanceView[],
    next: string | null,
  ): { readonly instances: TimedView[]; readonly next: string | null };
  /** The same instances as JSON, with commas between them. */
  text(views: readonly InstanceView[]): string;
}

export function createReadings(options: UseCaseOptions): Readings {
  const { supervisor, instances, durations, addressesOf, clock } = options;
  const placed = (view: InstanceView): InstanceView => {
    if (addressesOf === undefined) return view;
    const network = withAddress6(view.network, addressesOf);
    return network === view.network ? view : { ...view, network };
  };
  const probed = (view: InstanceView): InstanceView => {
    const reading = supervisor.probeReadings.readingsOf(view.id);
    return reading === undefined ? placed(view) : { ...placed(view), health_status: withReading(view, reading) };
  };
  const timed = (view: InstanceView): TimedView => {
    const fields = durations?.fieldsOf(view.id, clock.now());
    return fields === undefined ? probed(view) : { ...probed(view), ...fields };
  };
  const accounted = (view: InstanceView): AccountedView => {
    const wakefulness = options.wakefulness?.of(view.id, clock.now());
    return wakefulness === undefined ? timed(view) : { ...timed(view), wakefulness };
  };
  /** What its state tells beside the view; while the log cannot be read nothing of it, and everything else all the same. */
  const toldBy = async ({ id, restart_policy, phase }: InstanceView): Promise<Told> => {
    // A hold is of the run that lives.
    if (restart_policy === undefined && !mayHaveVmm(phase)) return {};
    const snapshot = await supervisor.look(id).catch(() => null);
    if (snapshot === null) return {};
    const until = heldUntil(snapshot.context, clock.now());
    const forecast = restart_policy === undefined ? null : restartForecastView(snapshot, clock.now());
    return {
      ...(forecast === null ? {} : { restart_forecast: forecast }),
      ...(until === null ? {} : { hold_until: toRfc3339(until) }),
    };
  };
  const nextOf = ({
    schedules = {},
    schedules_in_vain: inVain = {},
  }: InstanceView): Readonly<Record<string, string>> => {
    const next = Object.entries(nextMinutes(schedules, clock.now())).filter(([name]) => !Object.hasOwn(inVain, name));
    return Object.fromEntries(next.map(([name, minute]) => [name, toRfc3339(minute)]));
  };
  return {
    whole: async (view) => {
      const told = await toldBy(view);
      const reading = supervisor.probeReadings.readingsOf(view.id);
      const isShown = reading !== undefined && reading.run === view.run && showsHealth(view.state);
      return {
        ...accounted(view),
        ...told,
        ...(isShown ? { probes: probesView(reading) } : {}),
        ...(view.schedules === undefined ? {} : { next_scheduled: nextOf(view) }),
      };
    },
    accounted,
    page: (views, next) => {
      let together: TimedView[] | undefined;
      return {
        get instances() {
          together ??= views.map(timed);
          return together;
        },
        next,
      };
    },
    text: (views) => {
      const now = clock.now();
      let text = '';
      // Adding up is what V8 does best here: the pieces are copied once, when the answer is sent.
      for (const view of views) {
        const { id } = view;
        const shown = probed(view);
        const open = shown === view ? instances.openTextOf(id) : JSON.stringify(shown).slice(0, -1);
        if (open === undefined) continue;
        const fields = durations?.textOf(id, now);
        text += (text === '' ? '' : ',') + open + (fields === undefined ? '}' : `,${fields}`);
      }
      return text;
    },
  };
}

/** The body of a list as JSON, put together from texts that are kept ready; undefined for every other reply. */
export function listText({ body, itemsText }: Pick<Reply, 'body' | 'itemsText'>): string | undefined {
  if (itemsText === undefined) return undefined;
  const { next } = body as { readonly next: string | null };
  return `{"instances":[${itemsText()}],"next":${JSON.stringify(next)}}`;
}
