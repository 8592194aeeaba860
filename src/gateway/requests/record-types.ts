import { z } from 'zod';
import { commandSchema, effectResultSchema, observationSchema, upgradeEventSchema } from '../../../machines/events.ts';
import { factSchema } from '../../../machines/facts.ts';
import { TIMER_NAMES } from '../../../machines/step.ts';
import type { HostEvent } from '../../actors/host-stream.ts';

/** Types that a filter may name, read off the schemas, so that a misspelt one is refused instead of finding nothing. */

interface TypedOption {
  readonly shape: { readonly type: { readonly value: string } };
}

function typesOf(schema: { readonly options: readonly unknown[] }): string[] {
  return (schema.options as readonly TypedOption[]).map(({ shape }) => shape.type.value);
}

/** What happened to the host itself, in the stream `host`; a type that is missing here does not compile. */
const HOST_EVENTS: Readonly<Record<HostEvent['type'], true>> = { 'clock.stepped': true, 'host.mode_changed': true };
export const HOST_EVENT_TYPES = Object.keys(HOST_EVENTS);

export const EVENT_TYPES: readonly string[] = [
  ...typesOf(commandSchema),
  ...typesOf(observationSchema),
  ...typesOf(effectResultSchema),
  ...TIMER_NAMES,
  upgradeEventSchema.shape.type.value,
  ...HOST_EVENT_TYPES,
];
export const FACT_TYPES: readonly string[] = typesOf(factSchema);

const TYPE_MAX = 64;
const WANTED = 'must be the type of an event or fact, or how several begin, with a dot at the end';

/** A type, or the beginning of several with a dot at its end. */
export const recordType = z
  .string()
  .max(TYPE_MAX)
  .refine((text) => [...EVENT_TYPES, ...FACT_TYPES].some((type) => isMeant(type, text)), { error: WANTED });

function isMeant(type: string, text: string): boolean {
  return text.endsWith('.') ? type.startsWith(text) : type === text;
}
