import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { systemClock, systemRandom } from '../../actors/clock.ts';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import { createSupervisor } from '../../actors/create-supervisor.ts';
import type { FaultInjector } from '../../actors/fault-points.ts';
import type { RestartLimit } from '../../actors/restart-budget.ts';
import type { Supervisor, SupervisorOptions } from '../../actors/supervisor.ts';
import { createHookPrograms } from '../../adapters/hooks/hook-programs.ts';
import { createHostSections } from '../../gateway/host-sections.ts';
import { createHttpGateway } from '../../gateway/http/http-gateway.ts';
import { inspectorFiles } from '../../gateway/inspector/inspector-files.ts';
import type { UseCases } from '../../gateway/use-cases/contract.ts';
import { createHostUseCases } from '../../gateway/use-cases/use-cases.ts';
import type { Webhook } from '../../gateway/webhooks/options.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { type Chosen, chooseHypervisor, type HypervisorChoice } from '../choose-hypervisor.ts';
import {
  type DataDirectory,
  dataDirectory,
  type Endpoints,
  ensureToken,
  removeEndpoints,
  writeEndpoints,
} from '../data-directory.ts';
import { lockDirectory } from '../directory-lock.ts';
import { ensureDataDirectory } from '../usable-directory.ts';
import { Closers } from './closers.ts';
import { createDaemonLogger } from './daemon-logger.ts';
import { buildDemoOnce } from './demo-image.ts';
import { openFeed } from './feed.ts';
import { type CapacityOptions, capacityOf } from './host-capacity.ts';
import { showLogMode } from './log-mode.ts';
import { type NetworkOptions, openNetwork, showNetwork } from './network.ts';
import { type LogSettings, openLog, SURVIVAL } from './open-log.ts';
import { openOutboxes } from './outboxes.ts';
import { programVersion } from './program-version.ts';
import { openReadModels } from './projections.ts';
import { serveNats } from './serve-nats.ts';
import { openStandby, type StandbyOptions, showStandby } from './standby.ts';
import { keepStorage } from './storage.ts';
import { askedOf, openUseCases } from './use-cases.ts';

/** The one place that wires log, hypervisor, runtime, projections and doors into a daemon. */

export interface DaemonOptions extends NetworkOptions, StandbyOptions, CapacityOptions, LogSettings {
  readonly data: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** `auto`, `off`, or the URL of a server. */
  readonly nats: string;
  readonly hypervisor: HypervisorChoice;
  /** Whether the memory of snapshots is hashed too. */
  readonly verify_ram?: boolean;
  /** Who is told when nothing automatic will mend an instance. */
  readonly webhooks?: readonly Webhook[];
  /** How long records are kept, in ms; for ever when null or absent. */
  readonly retention?: number | null;
  /** Automatic restarts of all instances together; not limited when null or absent. */
  readonly restart_budget?: RestartLimit | null;
  /** Lines for the person who started it. */
  readonly say: (line: string) => void;
  /** Where the daemon logs about itself; standard error when absent. */
  readonly logger?: Logger;
  /** Gives a start up: what was opened is closed, and the start throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Only tests inject these. */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly faults?: FaultInjector;
}

export interface Daemon {
  readonly endpoints: Endpoints;
  readonly supervisor: Supervisor;
  /** What runs VMs: `qemu`, `simulator`. */
  readonly hypervisor: string;
  /** What the doors call. */
  readonly useCases: UseCases;
  /** The newest position that the read model has taken in; '' when nothing was ever recorded. */
  position(): string;
  /** Names of the instances that are so. */
  namesWhere(isSo: (view: InstanceView) => boolean): string[];
  /** Resolves with who has taken the log over, if that ever happens: then this daemon decides nothing any more. */
  readonly superseded: Promise<string>;
  /** Stops taking commands, waits for what is under way, leaves VMs running. */
  close(): Promise<void>;
}

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const clock = options.clock ?? systemClock();
  const random = options.random ?? systemRandom();
  const directory = dataDirectory(options.data);
  ensureDataDirectory(directory);
  const logger = options.logger ?? createDaemonLogger();
  const closers = new Closers(clock, ({ part, error }) => logger.error({ part, err: error }, 'Could not be ended.'));
  try {
    const unlock = lockDirectory(directory);
    closers.add(async () => unlock(), 'data directory');
    return await assemble(options, { clock, random, directory, closers, logger });
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

interface Parts {
  readonly clock: Clock;
  readonly random: Random;
  readonly directory: DataDirectory;
  readonly closers: Closers;
  readonly logger: Logger;
}

async function assemble(options: DaemonOptions, parts: Parts): Promise<Daemon> {
  const { clock, random, directory, closers, logger } = parts;
  const tell = (line: string): void => logger.warn(line);
  const { log, logName, server, superseded } = await openLog(options, { ...parts, tell });
  options.signal?.throwIfAborted();
  const token = ensureToken(directory, random);
  const { hypervisor, prober, reason, activity } = openHypervisor(options, parts, () => probeAddress());
  options.say(`Hypervisor: ${reason}. Log: ${options.log}; acknowledged records ${SURVIVAL[log.survives]}.`);
  if (hypervisor.name === 'qemu') await buildDemoOnce(directory.images, clock, options.say);
  const sections = createHostSections();
  const report = (problem: Problem): void => reportProblem(logger, problem);
  const readModels = await openReadModels({ log, clock, sections, closers, report });
  options.signal?.throwIfAborted();
  const { metrics, projections, telemetry } = readModels;
  showLogMode(log, { name: options.log, sections, metrics });
  await keepStorage(log, options.retention ?? null, { clock, closers, logger, sections, metrics });
  const { instances } = projections.views;
  const simulated = hypervisor.name === 'simulator';
  const { addressesOf, probeAddress, ...bridged } = openNetwork(options, { ...parts, data: directory.path, simulated });
  const standby = openStandby(options, { clock, closers, network: bridged.network, simulated: activity });
  const supervisor = await createSupervisor({
    log,
    hypervisor,
    prober,
    ...bridged,
    ...standby,
    hooks: createHookPrograms({ directory: directory.hooks, clock }),
    capacity: capacityOf(options, { data: directory.path, simulated }),
    ...(options.restart_budget && { restartLimit: options.restart_budget }),
    clock,
    random,
    faults: options.faults,
    telemetry,
    onRecord: readModels.take,
    report,
  });
  closers.add(() => supervisor.close(), 'runtime');
  options.signal?.throwIfAborted();
  showNetwork(bridged, { sections, closers, say: options.say });
  readModels.started(supervisor);
  showStandby(standby, supervisor, { ...parts, sections, metrics });
  const host = hostname();
  const { feed, streamsOf } = openFeed(log, { clock, closers, sections });
  const asked = { ...projections.views, ...askedOf(hypervisor), addressesOf };
  const answering = { supervisor, ...asked, log, clock, host };
  const useCases = openUseCases(answering, logger);
  const streams = streamsOf(answering);
  sections.add('hypervisor', () => ({ name: hypervisor.name, reason }));
  const aboutHost = { supervisor, instances, feed, projections, sections, host, version: programVersion() };
  const hostUseCases = createHostUseCases(aboutHost);
  const tokens = [{ token, actor: 'admin', scopes: ['admin'] as const }];
  const doors = { useCases, hostUseCases, tokens, clock, random, logger };
  const http = await createHttpGateway({ ...doors, streams, metrics, files: inspectorFiles(), listen: options.listen });
  closers.add(() => http.close(), 'HTTP door');
  const service = { version: programVersion(), metadata: { host, log: options.log, survives: log.survives } };
  const door = { ...doors, host, service };
  const nats = await serveNats(options, { ...parts, door, sections, server });
  const nameOf = (id: string): string | null => instances.get(id)?.name ?? null;
  openOutboxes({ ...parts, webhooks: options.webhooks, log, logName, nats, host, nameOf, sections, metrics, tell });
  const endpoints = { pid: process.pid, http: http.url, nats: nats.url(), token_file: directory.tokenFile };
  writeEndpoints(directory, endpoints);
  nats.onConnected(() => writeEndpoints(directory, { ...endpoints, nats: nats.url() }));
  closers.add(async () => removeEndpoints(directory));
  return {
    endpoints,
    supervisor,
    hypervisor: hypervisor.name,
    useCases,
    position: () => instances.position(),
    namesWhere: (isSo) => instances.list().flatMap((view) => (isSo(view) ? [view.name] : [])),
    superseded,
    close: () => closers.closeAll(),
  };
}

function openHypervisor(options: DaemonOptions, parts: Parts, probeAddress: () => string | null): Chosen {
  const { directory, closers, logger, ...given } = parts;
  const log = (line: string): void => logger.debug(line);
  const version = programVersion();
  const verifyMemory = options.verify_ram ?? false;
  const chosen = chooseHypervisor(options.hypervisor, directory, {
    ...given,
    version,
    verifyMemory,
    probeAddress,
    log,
  });
  closers.add(() => chosen.hypervisor.close(), 'hypervisor');
  return chosen;
}

/** Under the id of the instance it concerns, if it concerns one. */
function reportProblem(logger: Logger, { instance, message, error }: Problem): void {
  const about = instance === null ? logger : logger.child({ instance });
  about.error({ err: error }, message);
}

type Problem = Parameters<NonNullable<SupervisorOptions['report']>>[0];
