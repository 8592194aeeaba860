import { z } from 'zod';
import { parseDuration } from '../../../machines/duration.ts';
import { type AddressRange, parseRange, RANGE_DEFAULT } from '../../actors/address-pool.ts';
import { parseRange6 } from '../../actors/address-range6.ts';
import { RETENTION_MIN_MS } from '../../actors/retention.ts';
import { STANDBY_AT_ONCE_DEFAULT, STANDBY_AT_ONCE_MAX } from '../../actors/standby-slots.ts';
import { LOG_NAME } from '../../adapters/log-jetstream/naming.ts';
import { parseSize } from '../../gateway/requests/scalars.ts';
import { webhooksOption } from '../../gateway/webhooks/options.ts';
import { BRIDGE_NAME } from '../daemon/network.ts';
import { CONNTRACK_MODES } from '../daemon/standby.ts';
import { limitOption, parseCount, ratioOption } from './capacity-options.ts';
import { option } from './option.ts';
import { restartBudgetOption } from './restart-budget-option.ts';

/**
 * Every setting of the daemon: the one table from which the file, the environment, the flags, their help and
 * docs/reference/configuration.md are read. A new setting is one more entry.
 */
export const OPTIONS = {
  data: option({
    schema: z.string().min(1),
    default: '.statevisor',
    placeholder: 'dir',
    about: 'data directory',
    expects: 'the path of a directory',
    outside: true,
  }),
  listen: option({
    schema: z.string().transform(listenAddress),
    default: '127.0.0.1:7070',
    placeholder: 'host:port',
    about: 'where HTTP listens; port 0 = any',
    expects: 'HOST:PORT, for example 127.0.0.1:7070',
  }),
  nats: option({
    schema: z.union([z.enum(['auto', 'off']), z.url({ protocol: /^(nats|tls)$/ })]),
    default: 'auto',
    placeholder: 'mode',
    about: 'auto, off, or the URL of a server',
    expects: 'auto, off, or a URL such as nats://127.0.0.1:4222',
  }),
  hypervisor: option({
    schema: z.enum(['auto', 'qemu', 'simulator']),
    default: 'auto',
    placeholder: 'name',
    about: 'what runs VMs: auto, qemu or simulator',
    expects: 'auto, qemu or simulator',
  }),
  verify_ram: option({
    schema: z.boolean(),
    default: false,
    about: 'hash the whole memory of snapshots too, when they are made and restored',
    expects: 'true or false',
  }),
  bridge: option({
    schema: z.string().regex(BRIDGE_NAME).nullable(),
    default: null,
    placeholder: 'name',
    about: 'bridge for guests with addresses of their own',
    expects: 'a name of at most 15 letters, digits, dashes and underscores that begins with a letter',
  }),
  bridge_range: option({
    schema: z.string().transform(addressRange),
    default: RANGE_DEFAULT,
    placeholder: 'cidr',
    about: 'addresses of bridged guests; the first is the host',
    expects: 'an IPv4 network from /16 to /30, for example 10.77.0.0/16',
  }),
  bridge_range6: option({
    schema: z.string().transform(addressRange6),
    default: 'auto',
    placeholder: 'cidr',
    about: 'IPv6 network of bridged guests, auto or off',
    expects: 'auto, off, or an IPv6 network of 64 bits, for example fd12:3456:789a::/64',
  }),
  bridge_nat: option({
    schema: z.boolean(),
    default: false,
    about: 'let bridged guests reach beyond the host, behind its address',
    expects: 'true or false',
  }),
  conntrack: option({
    schema: z.enum(CONNTRACK_MODES),
    default: 'auto',
    placeholder: 'mode',
    about: 'how it is known who talks to guests: auto, netlink, tool (the program conntrack), procfs or off',
    expects: 'auto, netlink, tool, procfs or off',
  }),
  standby_at_once: option({
    schema: z.coerce.number().int().min(1).max(STANDBY_AT_ONCE_MAX),
    default: STANDBY_AT_ONCE_DEFAULT,
    placeholder: 'number',
    about: 'VMs that may be put into standby, or saved by schedule, at once; the others wait for their turn',
    expects: `a number from 1 to ${STANDBY_AT_ONCE_MAX}`,
  }),
  capacity_memory: limitOption('memory', 'auto', parseSize),
  overcommit_memory: ratioOption('memory'),
  capacity_vcpus: limitOption('vcpus', 'off', parseCount),
  overcommit_vcpus: ratioOption('vcpus'),
  capacity_disk: limitOption('disk', 'off', parseSize),
  overcommit_disk: ratioOption('disk'),
  restart_budget: restartBudgetOption,
  log: option({
    schema: z.enum(['sqlite', 'memory', 'jetstream']),
    default: 'sqlite',
    placeholder: 'name',
    about: 'where records are kept: sqlite, memory or jetstream',
    expects: 'sqlite, memory or jetstream',
  }),
  log_name: option({
    schema: z.string().regex(LOG_NAME).nullable(),
    default: null,
    placeholder: 'name',
    about: 'name of the log on JetStream; the name of the host if not given',
    expects: '1 to 64 letters, digits, dashes and underscores',
  }),
  log_replicas: option({
    schema: z.union([z.literal(1), z.literal(3)]).nullable(),
    default: null,
    placeholder: 'number',
    about: 'servers that keep each record on JetStream; 1 for a new log if not given',
    expects: '1 or 3',
  }),
  retention: option({
    schema: z.string().transform(keptDuration),
    default: '90d',
    placeholder: 'time',
    about: 'how long records are kept, or off',
    expects: 'off, or at least 25h, for example 90d',
  }),
  log_level: option({
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    default: 'info',
    placeholder: 'level',
    about: 'least weight of what the daemon logs about itself',
    expects: 'trace, debug, info, warn, error, fatal or silent',
    reloads: true,
  }),
  webhooks: option({
    schema: webhooksOption,
    default: [],
    placeholder: 'list',
    about: 'who is told when nothing automatic will mend an instance',
    expects: 'a URL such as https://example.net/hook, or a list of { url, name, secret, events }',
    secret: true,
  }),
  hello: option({
    schema: z.boolean(),
    default: false,
    about: 'create the instance `hello` if nothing was ever recorded',
    expects: 'true or false',
  }),
};

/** What the daemon works with: the value of every setting under its key. */
export type Config = { readonly [Key in keyof typeof OPTIONS]: z.output<(typeof OPTIONS)[Key]['schema']> };

const PORT_MAX = 65_535;
const DAY_MS = 86_400_000;

function addressRange(text: string, context: z.RefinementCtx): AddressRange {
  const range = parseRange(text);
  if (range !== null) return range;
  context.addIssue('not a range of addresses');
  return z.NEVER;
}

function addressRange6(text: string, context: z.RefinementCtx): string {
  const range6 = text === 'auto' || text === 'off' ? text : parseRange6(text);
  if (range6 !== null) return range6;
  context.addIssue('not a network of IPv6 addresses');
  return z.NEVER;
}

/** Null keeps records for ever. */
function keptDuration(text: string, context: z.RefinementCtx): number | null {
  if (text === 'off') return null;
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const keptMs = days === undefined ? parseDuration(text) : Number(days) * DAY_MS;
  if (keptMs !== null && keptMs >= RETENTION_MIN_MS) return keptMs;
  context.addIssue('not a time to keep records for');
  return z.NEVER;
}

function listenAddress(text: string, context: z.RefinementCtx): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host !== undefined && port <= PORT_MAX) return { host, port };
  context.addIssue('not an address to listen on');
  return z.NEVER;
}
