import { z } from 'zod';
import { NAME_PATTERN } from '../../../machines/definition.ts';
import { parseDuration } from '../../../machines/duration.ts';
import { COMMAND_TYPES, hostModeSchema } from '../../../machines/events.ts';
import { factSchema } from '../../../machines/facts.ts';
import { TCP_STATES } from '../../actors/contracts/counted-connections.ts';
import { eventsFateSchema } from '../../adapters/simulator/table-wire.ts';
import { agentSchema, damageSchema, operationSchema, type TrafficChange } from '../../adapters/simulator/wire.ts';
import { parseSize } from '../../gateway/requests/scalars.ts';
import { restartBudget } from '../config/restart-budget-option.ts';

/** The words of a scenario file; docs/reference/scenarios.md tells what they mean. Durations become milliseconds. */

/** Longest time that can be simulated: a year. */
export const UNTIL_MAX_MS = 366 * 24 * 3_600_000;
const INSTANCES_MAX = 1_000;
const LINES_MAX = 10_000;
const EXIT_CODE_MAX = 255;
const SIGNAL_MAX = 64;
const TCP_STATE_MAX = 255;

const NO_DURATION = 'is not a duration such as 300ms, 5s or 1h30m';
const durationText = z.union([z.string(), z.literal(0)], NO_DURATION).transform((text, context) => {
  const ms = text === 0 ? 0 : parseDuration(text.trim());
  if (ms !== null) return ms;
  context.addIssue({ code: 'custom', message: NO_DURATION });
  return z.NEVER;
});
const duration = durationText.pipe(
  z.number().min(0, 'must not be negative').max(UNTIL_MAX_MS, 'is longer than a year, the most that is simulated'),
);
const between = z.tuple([duration, duration]).refine(([from, to]) => from <= to, 'must name the earlier time first');

const name = z.string().regex(NAME_PATTERN, 'is not a name: lower-case letters, digits and dashes');

/** What the scenario itself understands of an instance; everything else is a field of the create request. */
const instanceSchema = z
  .looseObject({ boot: duration.optional(), shutdown: z.union([z.literal('ignored'), duration]).optional() })
  .nullable()
  .transform((given) => given ?? {});

const NO_SIZE = 'must be a size such as 512MB or 1GB';
const size = z.string(NO_SIZE).transform((text, context) => {
  const bytes = parseSize(text);
  if (bytes !== null) return bytes;
  context.addIssue({ code: 'custom', message: NO_SIZE });
  return z.NEVER;
});

/** What the host has for VMs, and the programs it is configured with: each is what becomes of one that is run. */
const hostSchema = z.strictObject({
  memory: size.optional(),
  vcpus: z.int().nonnegative().optional(),
  disk: size.optional(),
  boots_at_once: z.int().positive().optional(),
  standby_at_once: z.int().positive().optional(),
  restart_budget: z.string().transform(restartBudget).optional(),
  hooks: z.record(name, z.enum(['done', 'fail', 'hang'])).optional(),
});
export type ScenarioHost = z.output<typeof hostSchema>;

export const scenarioSchema = z.strictObject({
  host: hostSchema.default({}),
  instances: z
    .record(name, instanceSchema)
    .refine((given) => Object.keys(given).length > 0, 'must name at least one instance')
    .refine((given) => Object.keys(given).length <= INSTANCES_MAX, `has more than ${INSTANCES_MAX} instances`),
  timeline: z.array(z.record(z.string(), z.unknown())).max(LINES_MAX).default([]),
  until: duration.optional(),
  expect: z.array(z.record(z.string(), z.unknown())).max(LINES_MAX).default([]),
});

const at = duration;
const instance = name.optional();
const behaviour = z.union(
  [z.enum(['ok', 'fail', 'hang', 'hang_after', 'lie', 'crash', 'no_room']), z.strictObject({ slow: duration })],
  'must be ok, fail, hang, hang_after, lie, crash, no_room or { slow: DURATION }',
);
const tcpState = z.union(
  [z.enum(TCP_STATES), z.int().min(0).max(TCP_STATE_MAX)],
  `must be ${TCP_STATES.join(', ')} or a number`,
);
/** What becomes of one connection to a guest, or of what is known of that guest's connections. */
const traffic = z
  .union(
    [
      z.strictObject({ open: z.string().min(1), state: tcpState.optional(), timeout: duration.optional() }),
      z.strictObject({ packet: z.string().min(1), state: tcpState.optional(), timeout: duration.optional() }),
      z.strictObject({ close: z.string().min(1) }),
      z.strictObject({ observer: z.enum(['lost', 'restored']) }),
    ],
    'must be { open: CONNECTION }, { packet: CONNECTION }, { close: CONNECTION } or { observer: lost | restored }',
  )
  .transform((given): TrafficChange => {
    if (!('timeout' in given)) return given;
    const { timeout, ...others } = given;
    return { ...others, timeout_ms: timeout };
  });
/** Every command but the one that makes an instance: that stands at the head of a scenario. */
const plainVerb = z.enum(COMMAND_TYPES.filter((type) => type !== 'create'));
const changes = z.record(z.string(), z.unknown());

/** What stands in one line of the timeline, by the key that says which kind it is. */
export const TIMELINE_KINDS = {
  do: z.strictObject({
    at,
    instance,
    do: z.union(
      [plainVerb, z.strictObject({ update: changes })],
      'must be start, stop, restart, standby, restore, hold, delete, ignore, cancel_restart, reset_restart or { update: … }',
    ),
    update: changes.optional(),
    /** For `stop`. */
    force: z.boolean().optional(),
    /** For `hold`. */
    for: duration.optional(),
  }),
  update: z.strictObject({ at, instance, update: changes }),
  guest: z.strictObject({
    at,
    instance,
    guest: z.union(
      [
        z.strictObject({ exit: z.int().min(0).max(EXIT_CODE_MAX) }),
        z.strictObject({ signal: z.int().min(1).max(SIGNAL_MAX) }),
        z.enum(['panic', 'reboot', 'unknown', 'power_off', 'killed', 'crash']),
      ],
      'must be { exit: 0-255 }, { signal: 1-64 }, panic, reboot, unknown, power_off, killed or crash',
    ),
  }),
  probe: z.strictObject({ at, instance, probe: z.enum(['pass', 'fail', 'unavailable']) }),
  traffic: z.strictObject({ at, instance, traffic }),
  table: z.strictObject({
    at,
    table: z.strictObject({
      events: eventsFateSchema.optional(),
      dumps: z
        .union(
          [z.enum(['ok', 'fail', 'hang']), z.strictObject({ slow: duration })],
          'must be ok, fail, hang or { slow: DURATION }',
        )
        .optional(),
    }),
    times: z.int().positive().optional(),
  }),
  /** Something befalls a snapshot on its disk; without a name, that of the sleeping guest. */
  snapshot: z.strictObject({ at, instance, snapshot: z.strictObject({ damage: damageSchema, name: name.optional() }) }),
  agent: z.strictObject({ at, instance, agent: agentSchema }),
  disk: z.strictObject({ at, disk: z.enum(['full', 'free']) }),
  hypervisor: z.strictObject({
    at,
    instance,
    hypervisor: z.partialRecord(operationSchema, behaviour),
    /** How often it strikes; left out: from now on. */
    times: z.int().positive().optional(),
  }),
  daemon: z.strictObject({ at, daemon: z.literal('kill'), down: duration.default(0) }),
  host: z.strictObject({ at, host: z.literal('reboot'), down: duration.default(0) }),
  mode: z.strictObject({ at, mode: hostModeSchema }),
  clock: z.strictObject({ at, clock: z.strictObject({ step: durationText }) }),
} as const;
export type TimelineKind = keyof typeof TIMELINE_KINDS;

const factName = z.enum(factSchema.options.map((option) => option.shape.type.value) as [string, ...string[]]);
const count = z.int().nonnegative();
const counts = z.union([count, z.record(name, count)], 'must be a number, or a number for each instance');
const moment = { at: at.optional(), between: between.optional() };

/** What one expectation says, by the key that says which kind it is. */
export const EXPECTATION_KINDS = {
  view: z.strictObject({ at: at.optional(), instance, view: z.record(z.string(), z.unknown()).nullable() }),
  boots: z.strictObject({ at: at.optional(), boots: counts }),
  restores: z.strictObject({ at: at.optional(), restores: counts }),
  never: z.strictObject({
    instance,
    never: z.strictObject({ fact: factName, ...moment, instance, with: changes.optional() }),
  }),
  fact: z.strictObject({ fact: factName, ...moment, instance, with: changes.optional(), count: count.optional() }),
  refused: z.strictObject({ refused: z.string(), ...moment, instance, count: count.optional() }),
} as const;
export type ExpectationKind = keyof typeof EXPECTATION_KINDS;

export type TimelineLine = {
  [K in TimelineKind]: { readonly kind: K; readonly index: number } & z.output<(typeof TIMELINE_KINDS)[K]>;
}[TimelineKind];
export type Expectation = {
  [K in ExpectationKind]: { readonly kind: K; readonly index: number } & z.output<(typeof EXPECTATION_KINDS)[K]>;
}[ExpectationKind];
