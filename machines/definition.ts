import { z } from 'zod';
import {
  autoStandbySchema,
  expirySchema,
  healthCheckSchema,
  restartPolicySchema,
  schedulesSchema,
} from './policies.ts';

/** Lower-case letters, digits and dashes; no dash at either end; at most 63 characters. */
export const NAME_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export const BOOT_TIMEOUT_DEFAULT_MS = 120_000;
export const STOP_TIMEOUT_DEFAULT_MS = 5_000;
export const VCPUS_DEFAULT = 2;
export const VCPUS_MAX = 64;
export const MEMORY_DEFAULT_BYTES = 1024 ** 3;
export const MEMORY_MIN_BYTES = 64 * 1024 ** 2;
export const MEMORY_MAX_BYTES = 1024 ** 4;
export const PORTS_MAX = 32;

const portSchema = z.strictObject({
  /** 0 until the host ledger has given one out; a definition in a record always has a real one. */
  host_port: z.int().min(0).max(65_535),
  guest_port: z.int().min(1).max(65_535),
});

/** Moments at which a program of the host may be run for an instance. */
export const hookMomentSchema = z.enum(['before_stop', 'before_standby']);
export type HookMoment = z.infer<typeof hookMomentSchema>;

const hookName = z.string().regex(NAME_PATTERN);
/** Names of hooks that the host is configured with, by moment. */
export const hooksSchema = z.strictObject({ before_stop: hookName.optional(), before_standby: hookName.optional() });
export type Hooks = z.infer<typeof hooksSchema>;

/** Ports of the guest are forwarded from the host's loopback address. Definitions without a mode are of this one. */
const userNetworkSchema = z.strictObject({
  mode: z.literal('user').optional(),
  enabled: z.boolean(),
  ports: z.array(portSchema).max(PORTS_MAX),
});

/** The guest has an address of its own on the host's bridge, so there is nothing to forward. */
const bridgeNetworkSchema = z.strictObject({
  mode: z.literal('bridge'),
  enabled: z.literal(true),
  ports: z.array(portSchema).max(0),
  /** Null until the host ledger has given one out; a definition in a record always has a real one, and its MAC. */
  address: z.ipv4().nullable(),
  mac: z.mac().nullable(),
});

export const scheduleNameSchema = z.enum(['standby', 'wake', 'snapshot']);
export type ScheduleName = z.infer<typeof scheduleNameSchema>;

/** What the user asked for. Changes only by command; normalised. */
export const definitionSchema = z.strictObject({
  name: z.string().regex(NAME_PATTERN),
  image: z.string().min(1).max(255),
  vcpus: z.int().min(1).max(VCPUS_MAX),
  memory_bytes: z.int().min(MEMORY_MIN_BYTES).max(MEMORY_MAX_BYTES),
  network: z.union([bridgeNetworkSchema, userNetworkSchema]),
  boot_timeout_ms: z.int().positive(),
  stop_timeout_ms: z.int().nonnegative(),
  restart_policy: restartPolicySchema.nullable(),
  health_check: healthCheckSchema.nullable(),
  auto_standby: autoStandbySchema.nullable(),
  expiry: expirySchema.nullable(),
  /** Absent in definitions older than schedules. */
  schedules: schedulesSchema.nullable().optional(),
  /** Absent in definitions older than hooks. */
  hooks: hooksSchema.nullable().optional(),
  /** The guest has no agent, so nothing can be run in it. Absent means that it has one. */
  skip_guest_agent: z.literal(true).optional(),
});
export type Definition = z.infer<typeof definitionSchema>;

/** What `update` may change; an absent part stays, null removes. Each given policy replaces the old one whole. */
export const changesSchema = definitionSchema
  .pick({ restart_policy: true, health_check: true, auto_standby: true, expiry: true, hooks: true, schedules: true })
  .partial();
export type Changes = z.infer<typeof changesSchema>;
