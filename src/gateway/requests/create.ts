import { z } from 'zod';
import {
  BOOT_TIMEOUT_DEFAULT_MS,
  type Definition,
  MEMORY_DEFAULT_BYTES,
  NAME_PATTERN,
  PORTS_MAX,
  STOP_TIMEOUT_DEFAULT_MS,
  VCPUS_DEFAULT,
  VCPUS_MAX,
} from '../../../machines/definition.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { autoStandbyRequest } from './auto-standby.ts';
import { checked } from './checked.ts';
import { expiryFields, expiryOf } from './expiry.ts';
import { healthCheckRequest, requireWayIn } from './health-check.ts';
import { hooksRequest } from './hooks.ts';
import { restartPolicyRequest } from './restart-policy.ts';
import { duration, hostPort, memorySize, port } from './scalars.ts';
import { schedulesRequest } from './schedules.ts';
import { waitFields } from './target.ts';

const IMAGE_NAME_MAX = 255;
export const NAME_WANTED =
  'must be 1 to 63 lower-case letters, digits or dashes, without a dash at its beginning or end';

const network = z.strictObject({
  enabled: z.boolean().default(true),
  /** `user`: ports of the host lead to the guest. `bridge`: the guest has an address of its own. */
  mode: z.enum(['user', 'bridge']).default('user'),
  /** With mode bridge; without it the host picks one. */
  address: z.ipv4({ error: 'must be an IPv4 address such as 10.77.0.2' }).optional(),
  ports: z
    .array(
      z.strictObject({
        guest_port: port,
        /** 0 and absence let the host choose. */
        host_port: hostPort.default(0),
      }),
    )
    .max(PORTS_MAX)
    .default([]),
});

export const createRequest = z.strictObject({
  name: z.string().regex(NAME_PATTERN, { error: NAME_WANTED }),
  image: z.string().min(1).max(IMAGE_NAME_MAX),
  size: memorySize.default(MEMORY_DEFAULT_BYTES),
  vcpus: z.int().min(1).max(VCPUS_MAX).default(VCPUS_DEFAULT),
  network: network.default({ enabled: true, mode: 'user', ports: [] }),
  boot_timeout: duration(BOOT_TIMEOUT_DEFAULT_MS),
  stop_timeout: duration(STOP_TIMEOUT_DEFAULT_MS, { zero: true }),
  restart_policy: restartPolicyRequest.optional(),
  health_check: healthCheckRequest.optional(),
  auto_standby: autoStandbyRequest.optional(),
  schedules: schedulesRequest.optional(),
  hooks: hooksRequest.optional(),
  /** True says that nothing in the guest answers to us, so that no check can run a program there. */
  skip_guest_agent: z.boolean().default(false),
  ...expiryFields,
  /** False creates it stopped. */
  start: z.boolean().default(true),
  ...waitFields,
});

export interface CreateRequest {
  readonly definition: Definition;
  readonly wanted: 'running' | 'stopped';
  readonly waitMs: number | null;
}

/** Throws StatevisorError naming the field. `now` in epoch ms. */
export function parseCreate(input: unknown, now: number): CreateRequest {
  const given = checked(createRequest, input);
  const definition: Definition = {
    name: given.name,
    image: given.image,
    vcpus: given.vcpus,
    memory_bytes: given.size,
    network: networkOf(given.network),
    boot_timeout_ms: given.boot_timeout,
    stop_timeout_ms: given.stop_timeout,
    restart_policy: given.restart_policy ?? null,
    health_check: given.health_check ?? null,
    auto_standby: given.auto_standby ?? null,
    expiry: expiryOf(given, now) ?? null,
    hooks: given.hooks ?? null,
    ...(given.schedules == null ? {} : { schedules: given.schedules }),
    ...(given.skip_guest_agent ? { skip_guest_agent: true } : {}),
  };
  requireWayIn(definition.health_check, definition);
  requireCoherentNetwork(definition);
  return { definition, wanted: given.start ? 'running' : 'stopped', waitMs: given.wait };
}

function networkOf({ enabled, mode, ports, address }: z.infer<typeof network>): Definition['network'] {
  const refuse = (field: string, needs: string): never => {
    throw new StatevisorError('invalid_request', `${field} needs ${needs}.`, { field });
  };
  if (mode === 'user')
    return address === undefined ? { enabled, ports } : refuse('network.address', 'network.mode bridge');
  if (!enabled) return refuse('network.mode', 'network.enabled to be true');
  if (ports.length > 0) return refuse('network.ports', 'network.mode user');
  return { mode, enabled, ports: [], address: address ?? null, mac: null };
}

function requireCoherentNetwork({ network: { enabled, ports } }: Definition): void {
  if (!enabled && ports.length > 0) {
    throw new StatevisorError('invalid_request', 'network.ports needs network.enabled to be true.', {
      field: 'network.ports',
    });
  }
  const chosen = ports.map(({ host_port }) => host_port).filter((host_port) => host_port !== 0);
  const twice = chosen.find((host_port, index) => chosen.indexOf(host_port) !== index);
  if (twice !== undefined) {
    throw new StatevisorError('invalid_request', `network.ports names host port ${twice} twice.`, {
      field: 'network.ports',
    });
  }
}
