import { formatDuration } from '../../../machines/duration.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { InstanceCommand } from '../../actors/supervisor.ts';
import { EVERY_INSTANCE, SimulationRefused } from '../../adapters/simulator/control.ts';
import { changesOf } from './definitions.ts';
import type { TimelineLine } from './scenario-schema.ts';
import { killDaemon, offsetOf, type Stage, settle } from './stage.ts';

type Line<K extends TimelineLine['kind']> = Extract<TimelineLine, { kind: K }>;

const ACTOR = 'scenario';
/** Operations that need room on the disk. */
const WRITING = ['snapshot', 'copy_snapshot', 'fork_snapshot'] as const;

/** Lets one line of the timeline happen, and everything that follows from it at once. */
export async function performLine(stage: Stage, line: TimelineLine): Promise<void> {
  switch (line.kind) {
    case 'do':
    case 'update':
      return command(stage, line);
    case 'guest':
      return inWorld(stage, line, `guest: ${shown(line.guest)}`, (id) => guestDoes(stage, id, line.guest));
    case 'probe':
      return inWorld(stage, line, `probes answer: ${line.probe}`, (id) => stage.control.setProbe(id, line.probe));
    case 'traffic':
      return inWorld(stage, line, `traffic: ${shown(line.traffic)}`, (id) => stage.control.traffic(id, line.traffic));
    case 'table':
      say(stage, null, `the table of connections: ${shown(line.table)}`);
      await stage.control.setTable(line.table, line.times);
      return settle(stage);
    case 'agent':
      return inWorld(stage, line, `the agent of the guest: ${line.agent}`, (id) =>
        stage.control.setAgent(id, line.agent),
      );
    case 'snapshot':
      return damage(stage, line);
    case 'disk':
      return fillDisk(stage, line);
    case 'hypervisor':
      return faults(stage, line);
    case 'mode':
      return changeMode(stage, line);
    case 'clock':
      say(stage, null, `the wall clock steps by ${formatDuration(line.clock.step)}`);
      stage.clock.step(line.clock.step);
      return settle(stage);
    case 'daemon':
      say(stage, null, `the daemon is killed; down for ${formatDuration(line.down)}`);
      killDaemon(stage);
      return settle(stage);
    case 'host':
      say(stage, null, `the host reboots; down for ${formatDuration(line.down)}`);
      killDaemon(stage);
      await stage.control.hostReboot();
      return settle(stage);
  }
}

function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key} ${shown(inner)}`)
    .join(', ');
}

function say(stage: Stage, name: string | null, text: string): void {
  stage.moments.push({ kind: 'said', at: offsetOf(stage), name, text });
}

function nameOf({ scenario }: Stage, name: string | undefined): string {
  return name ?? scenario.instances[0]!.name;
}

function idOf(stage: Stage, name: string | undefined): string {
  return stage.ids.get(nameOf(stage, name))!;
}

/** Something that befalls one instance from the world's side. What cannot happen is told, and is no error. */
async function inWorld(
  stage: Stage,
  line: { readonly instance?: string | undefined },
  text: string,
  act: (id: string) => Promise<void>,
): Promise<void> {
  const name = nameOf(stage, line.instance);
  say(stage, name, text);
  try {
    await act(idOf(stage, name));
  } catch (error) {
    if (!(error instanceof SimulationRefused)) throw error;
    say(stage, name, `nothing happens: ${error.code.replaceAll('_', ' ')}`);
  }
  await settle(stage);
}

function guestDoes({ control }: Stage, id: string, deed: Line<'guest'>['guest']): Promise<void> {
  if (typeof deed === 'object') {
    return 'exit' in deed ? control.guestExit(id, deed.exit) : control.signal(id, deed.signal);
  }
  switch (deed) {
    case 'panic':
      return control.panic(id);
    case 'reboot':
      return control.reboot(id);
    case 'unknown':
      return control.vanish(id);
    case 'power_off':
      return control.powerOff(id);
    case 'killed':
      return control.sigkill(id);
    case 'crash':
      return control.crash(id);
  }
}

function damage(stage: Stage, line: Line<'snapshot'>): Promise<void> {
  const { damage: what, name } = line.snapshot;
  return inWorld(stage, line, `snapshot: ${shown(line.snapshot)}`, (id) => {
    const asleepIn = stage.newest.get(id)?.record.state.context.snapshot?.name;
    return stage.control.damageSnapshot(id, name ?? asleepIn ?? 'none', what);
  });
}

/** What is written to the disk of the data directory: the memory of guests. The log keeps room of its own. */
async function fillDisk(stage: Stage, { disk }: Line<'disk'>): Promise<void> {
  say(stage, null, `the disk is ${disk}`);
  for (const operation of WRITING) {
    await stage.control.setFault(EVERY_INSTANCE, operation, disk === 'full' ? 'no_room' : 'ok');
  }
}

/** Without an instance it holds for every one. */
async function faults(stage: Stage, line: Line<'hypervisor'>): Promise<void> {
  say(stage, line.instance ?? null, `hypervisor: ${shown(line.hypervisor)}`);
  for (const name of line.instance === undefined ? stage.ids.keys() : [line.instance]) {
    for (const [operation, fault] of Object.entries(line.hypervisor)) {
      if (fault === undefined) continue;
      await stage.control.setFault(idOf(stage, name), operation as keyof typeof line.hypervisor, fault, line.times);
    }
  }
  await settle(stage);
}

/** Sends a command as a door would, and does not wait for its answer: a daemon that dies never gives one. */
async function command(stage: Stage, line: Line<'do'> | Line<'update'>): Promise<void> {
  const name = nameOf(stage, line.instance);
  const id = idOf(stage, name);
  const given = commandOf(stage, line, id);
  say(stage, name, given.type);
  if (stage.life === null) return refuse(stage, name, 'daemon_down', 'the daemon is down');
  const answered = stage.life.supervisor.command(id, given, { actor: ACTOR, via: 'simulate' });
  answered.catch((error: unknown) => {
    if (!(error instanceof StatevisorError)) throw error;
    refuse(stage, name, error.code, error.message);
  });
  await settle(stage);
}

async function changeMode(stage: Stage, { mode }: Line<'mode'>): Promise<void> {
  say(stage, null, `the host is set to ${mode}`);
  if (stage.life === null) return refuse(stage, null, 'daemon_down', 'the daemon is down');
  stage.life.supervisor.setMode(mode, { actor: ACTOR, via: 'simulate' }).catch((error: unknown) => {
    if (!(error instanceof StatevisorError)) throw error;
    refuse(stage, null, error.code, error.message);
  });
  await settle(stage);
}

function refuse(stage: Stage, name: string | null, code: string, text: string): void {
  stage.moments.push({ kind: 'refused', at: offsetOf(stage), name, code, text });
}

function commandOf(stage: Stage, line: Line<'do'> | Line<'update'>, id: string): InstanceCommand {
  const now = stage.clock.now();
  const changes = changesOf(line, now, stage.scenario.source);
  if (changes !== null) return { type: 'update', by: ACTOR, changes };
  const { do: verb, force, for: forMs } = line as Line<'do'>;
  switch (verb) {
    case 'stop':
      return { type: 'stop', by: ACTOR, ...(force === undefined ? {} : { force }) };
    case 'hold': {
      const idleMs = stage.newest.get(id)?.definition.auto_standby?.idle_timeout_ms ?? 0;
      return { type: 'hold', by: ACTOR, until: now + (forMs ?? idleMs) };
    }
    case 'start':
    case 'restart':
    case 'standby':
    case 'restore':
    case 'delete':
    case 'ignore':
    case 'cancel_restart':
    case 'reset_restart':
      return { type: verb, by: ACTOR };
    default:
      throw new Error(`${String(verb)} is not a command.`);
  }
}
