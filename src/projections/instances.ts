import type { Definition } from '../../machines/definition.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { type InstanceView, instanceView } from './instance-view.ts';

/** The read model behind GET and list: the newest view of every instance that is not deleted. */

export interface InstanceChange {
  readonly view: InstanceView;
  readonly record: InstanceRecord;
  readonly position: string;
  /** The instance is gone with this record. */
  readonly deleted: boolean;
}

export interface Instances {
  /** Takes one record, in the order of its stream; called before the command behind it is answered. */
  apply(recorded: { record: InstanceRecord; definition: Definition; position: string }): void;
  get(id: string): InstanceView | undefined;
  /** In the order of creation. */
  list(): InstanceView[];
  /** Hears of every change from now on. Returns the way to stop. */
  watch(listener: (change: InstanceChange) => void): () => void;
  /** The newest position taken in; '' before the first. */
  position(): string;
}

export function createInstances(): Instances {
  const views = new Map<string, InstanceView>();
  const listeners = new Set<(change: InstanceChange) => void>();
  let newest = '';
  return {
    apply({ record, definition, position }) {
      const view = instanceView(record, definition);
      const deleted = view.phase === 'deleted';
      if (deleted) views.delete(record.stream);
      else views.set(record.stream, view);
      if (position > newest) newest = position;
      for (const listener of listeners) listener({ view, record, position, deleted });
    },
    get: (id) => views.get(id),
    list: () => [...views.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    position: () => newest,
  };
}
