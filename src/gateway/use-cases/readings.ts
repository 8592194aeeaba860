import type { DurationFields } from '../../projections/durations.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { Reply, UseCaseOptions } from './contract.ts';

/** An instance as get and list show it: its view, and how long it has been in which state at the moment of the look. */
export type TimedView = InstanceView & Partial<DurationFields>;

export interface Readings {
  withDurations(view: InstanceView): TimedView;
  /** The body of a list. Its instances are put together when somebody looks at them. */
  page(
    views: readonly InstanceView[],
    next: string | null,
  ): { readonly instances: TimedView[]; readonly next: string | null };
  /** The same instances as JSON, with commas between them. */
  text(views: readonly InstanceView[]): string;
}

export function createReadings({ instances, durations, clock }: UseCaseOptions): Readings {
  const withDurations = (view: InstanceView): TimedView => {
    const fields = durations?.fieldsOf(view.id, clock.now());
    return fields === undefined ? view : { ...view, ...fields };
  };
  return {
    withDurations,
    page: (views, next) => {
      let together: TimedView[] | undefined;
      return {
        get instances() {
          together ??= views.map(withDurations);
          return together;
        },
        next,
      };
    },
    text: (views) => {
      const now = clock.now();
      let text = '';
      // Adding up is what V8 does best here: the pieces are copied once, when the answer is sent.
      for (const { id } of views) {
        const open = instances.openTextOf(id);
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
