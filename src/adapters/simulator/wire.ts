import { z } from 'zod';
import { TCP_STATES } from '../../actors/contracts/counted-connections.ts';
import { SNAPSHOT_ERRORS } from '../../actors/contracts/hypervisor.ts';
import { tableAnswerSchemas, tableRequestSchemas } from './table-wire.ts';

/**
 * Everything that passes between a simulated world and those who use it: requests, answers and observations. In one
 * process they are plain objects; between processes each is one line of JSON. snake_case, as on every wire.
 */

/** Longest line either side accepts, in bytes. */
export const LINE_MAX_BYTES = 256 * 1024;
/** Longest boot, shutdown or delay that can be set, in ms: a year. */
const DURATION_MAX_MS = 366 * 24 * 3_600_000;
const NAME_MAX_CHARS = 256;
const MEMORY_MAX_CHARS = 4096;

const name = z.string().min(1).max(NAME_MAX_CHARS);
const duration = z.number().min(0).max(DURATION_MAX_MS);
const run = z.int().min(1);

export const operationSchema = z.enum([
  'boot',
  'restore',
  'pause',
  'resume',
  'snapshot',
  'shutdown',
  'kill',
  'inspect',
  'set_clock',
  'copy_snapshot',
  'fork_snapshot',
]);
export type Operation = z.infer<typeof operationSchema>;

/**
 * How an operation goes wrong. `fail`: refused, nothing done. `hang`: never begins and never answers. `hang_after`:
 * done, but the answer never comes. `lie`: answers done without doing. `crash`: the VMM dies in the middle.
 * `slow`: waits so many ms, then does it. `no_room`: refused, nothing done, because the disk is full.
 */
export const faultSchema = z.union([
  z.enum(['ok', 'fail', 'hang', 'hang_after', 'lie', 'crash', 'no_room']),
  z.strictObject({ slow: duration }),
]);
export type Fault = z.infer<typeof faultSchema>;

/** What the world itself has to know of a fault when it acts; waiting and failing happen before the request is sent. */
export const mannerSchema = z.enum(['plain', 'lie', 'crash', 'hang_after']);
export type Manner = z.infer<typeof mannerSchema>;

export const endReasonSchema = z.enum([
  'power_off',
  'reset',
  'panic',
  'killed',
  'crashed',
  'quit',
  'host_reboot',
  'unknown',
]);
export const runEndSchema = z.object({
  reason: endReasonSchema,
  code: z.int().nullable(),
  message: z.string().nullable(),
  ended_at: z.number().nullable(),
});

export const realitySchema = z.discriminatedUnion('reality', [
  z.object({ reality: z.literal('none') }),
  z.object({ reality: z.literal('starting') }),
  z.object({ reality: z.literal('running'), ready: z.boolean(), rebooted: z.boolean().optional() }),
  z.object({ reality: z.literal('paused') }),
  z.object({ reality: z.literal('ended'), ...runEndSchema.shape }),
  z.object({ reality: z.literal('unreachable'), message: z.string() }),
  z.object({ reality: z.literal('other_run'), run }),
]);

export const observationSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('vmm.exited'), instance: name, run, ...runEndSchema.shape }),
  z.object({ type: z.literal('guest.ready'), instance: name, run, occurred_at: z.number() }),
  z.object({ type: z.literal('guest.rebooted'), instance: name, run, occurred_at: z.number() }),
]);

/** What the workload answers to a probe from now on. */
export const probeSchema = z.enum(['pass', 'fail', 'unavailable']);
export type ProbeAnswer = z.infer<typeof probeSchema>;

/** Whether the guest has an agent, and whether that answers. */
export const agentSchema = z.enum(['answers', 'silent', 'none']);
export type SimulatedAgent = z.infer<typeof agentSchema>;

/** The name or the number of a TCP state, as the kernel has them. */
const tcpState = z.union([z.enum(TCP_STATES), z.int().min(0).max(255)]);

/**
 * One change of the connections to an instance, or of what is known of it. `open` makes an entry or changes the state
 * of one; `packet` is one more of its packets: it renews the time for which the entry is kept.
 */
export const trafficSchema = z.union([
  z.strictObject({ open: name, state: tcpState.optional(), timeout_ms: duration.optional() }),
  z.strictObject({ packet: name, state: tcpState.optional(), timeout_ms: duration.optional() }),
  z.strictObject({ close: name }),
  z.strictObject({ observer: z.enum(['lost', 'restored']) }),
]);
export type TrafficChange = z.infer<typeof trafficSchema>;

/**
 * What a guest or a fate does to a run. `signal`: the workload died of it, and the guest powered off. `sigkill` and
 * `crash` end the VMM, `vanish` ends it without leaving a reason. `write` sets the text in the guest's memory.
 */
export const deedSchema = z.union([
  z.strictObject({ exit: z.int().min(0).max(255) }),
  z.strictObject({ signal: z.int().min(1).max(64) }),
  z.strictObject({ write: z.string().max(MEMORY_MAX_CHARS) }),
  z.enum(['panic', 'reboot', 'power_off', 'sigkill', 'crash', 'vanish']),
]);
export type Deed = z.infer<typeof deedSchema>;

/** What befalls a snapshot: what its VMM would refuse it for. */
export const damageSchema = z.enum(SNAPSHOT_ERRORS);
export type Damage = z.infer<typeof damageSchema>;

const ref = { instance: name, run };
const act = { ...ref, effect: name, manner: mannerSchema };
const settings = z.strictObject({
  boot_ms: duration.optional(),
  shutdown_ms: duration.optional(),
  ignores_shutdown: z.boolean().optional(),
  probe: probeSchema.optional(),
  agent: agentSchema.optional(),
});

export const requestSchema = z.discriminatedUnion('op', [
  /** Run 0: what is asked for is of no run. */
  z.strictObject({
    op: z.literal('prepare'),
    operation: operationSchema,
    instance: name,
    run: z.int().min(0),
    effect: name,
  }),
  z.strictObject({ op: z.literal('release'), ...ref }),
  z.strictObject({ op: z.literal('boot'), ...act }),
  z.strictObject({ op: z.literal('restore'), ...act, snapshot: name }),
  z.strictObject({ op: z.literal('pause'), ...act }),
  z.strictObject({ op: z.literal('resume'), ...act }),
  z.strictObject({ op: z.literal('snapshot'), ...act, snapshot: name, takes_memory: z.boolean() }),
  z.strictObject({ op: z.literal('set_clock'), ...act, at: z.number() }),
  z.strictObject({
    op: z.literal('copy_snapshot'),
    operation: z.enum(['copy_snapshot', 'fork_snapshot']),
    ...act,
    run: z.literal(0),
    snapshot: name,
    to: z.strictObject({ instance: name, snapshot: name }),
  }),
  z.strictObject({ op: z.literal('shutdown'), ...act }),
  z.strictObject({ op: z.literal('kill'), ...act }),
  /** `watch`: the asker observes the run from now on. */
  z.strictObject({ op: z.literal('inspect'), ...ref, watch: z.boolean() }),
  z.strictObject({ op: z.literal('drop_snapshot'), instance: name, snapshot: name }),
  z.strictObject({ op: z.literal('list_snapshots'), instance: name }),
  z.strictObject({ op: z.literal('damage'), instance: name, snapshot: name, damage: damageSchema }),
  z.strictObject({ op: z.literal('remove'), instance: name }),
  z.strictObject({ op: z.literal('log'), ...ref, source: z.enum(['console', 'vmm']) }),
  z.strictObject({ op: z.literal('deed'), instance: name, run: run.optional(), deed: deedSchema }),
  z.strictObject({
    op: z.literal('fault'),
    instance: name,
    operation: operationSchema,
    fault: faultSchema,
    times: z.int().min(1).nullable(),
  }),
  z.strictObject({ op: z.literal('settings'), instance: name, settings }),
  z.strictObject({ op: z.literal('traffic'), instance: name, change: trafficSchema }),
  ...tableRequestSchemas,
  z.strictObject({ op: z.literal('state'), instance: name }),
  z.strictObject({ op: z.literal('host_reboot') }),
]);
export type WorldRequest = z.infer<typeof requestSchema>;
/** A request that acts on one run, in a given manner. */
export type ActRequest = Extract<WorldRequest, { readonly manner: Manner }>;

export const instanceStateSchema = z.object({
  /** Live VMMs, by run. */
  live: z.array(z.object({ run, pid: z.int(), phase: z.enum(['running', 'paused']), memory: z.string() })),
  snapshots: z.array(z.string()),
  probe: probeSchema,
  /** Keys of the open connections, in the order they were opened. */
  connections: z.array(z.string()),
  observer: z.enum(['in_order', 'lost']),
  boot_id: z.string(),
});
/** What is so of one instance in the world, whatever anyone believes. */
export type InstanceState = z.infer<typeof instanceStateSchema>;

export const answerSchema = z.discriminatedUnion('answer', [
  z.object({ answer: z.literal('prepared'), taken: z.boolean(), fault: faultSchema }),
  z.object({
    answer: z.literal('done'),
    pid: z.int().nullable(),
    ended: runEndSchema.nullable(),
    drift_ms: z.int().nullable().optional(),
  }),
  z.object({ answer: z.literal('failed'), code: z.string(), message: z.string(), ended: runEndSchema.nullable() }),
  z.object({ answer: z.literal('reality'), reality: realitySchema, fault: faultSchema }),
  z.object({ answer: z.literal('log'), text: z.string() }),
  z.object({
    answer: z.literal('snapshots'),
    snapshots: z.array(z.object({ snapshot: z.string(), bytes: z.int(), taken_at: z.number().nullable() })),
  }),
  z.object({ answer: z.literal('state'), state: instanceStateSchema }),
  ...tableAnswerSchemas,
]);
export type WorldAnswer = z.infer<typeof answerSchema>;

/** A line from a client of the world's socket. `hello` comes first; a new owner ends the word of every older one. */
export const clientLineSchema = z.union([
  z.strictObject({ id: z.int(), hello: z.enum(['owner', 'control']) }),
  z.strictObject({ id: z.int(), shutdown_world: z.literal(true) }),
  z.strictObject({ id: z.int(), request: requestSchema }),
]);

/** A line from the world: an answer, an observation (to owners), or the news that another owner has come. */
export const worldLineSchema = z.union([
  z.object({ id: z.int(), answer: answerSchema }),
  z.object({ id: z.int(), refused: z.string() }),
  z.object({ id: z.int(), welcome: z.literal(true) }),
  z.object({ observation: observationSchema }),
  z.object({ fenced: z.literal(true) }),
]);
