import type { Fact } from '../../machines/facts.ts';
import { phaseOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';

/** One record as one line: when, which version, through which door and who, what came in, what was decided. */
export function historyLine(record: InstanceRecord): string {
  const { actor, via } = record.cause;
  const who = via === 'system' ? 'system' : `${actor}@${via}`;
  const decided = record.facts.map(factText).join(', ') || '-';
  const when = new Date(record.at).toISOString();
  return `${when}  v${record.version}  ${who}  ${eventText(record.event)}  => ${decided}  [${phaseOf(record.state.value)}]`;
}

function eventText(event: InstanceRecord['event']): string {
  switch (event.type) {
    case 'vmm.exited':
      return `vmm.exited run ${event.run}: ${event.reason}${event.code === null ? '' : ` code ${event.code}`}`;
    case 'vmm.found':
      return `vmm.found run ${event.run}: ${event.found.reality}`;
    case 'effect.done':
    case 'effect.withdrawn':
      return `${event.type} ${event.kind}`;
    case 'effect.failed':
    case 'effect.unknown':
      return `${event.type} ${event.kind}: ${event.error.message}`;
    default:
      return event.type;
  }
}

function factText(fact: Fact): string {
  switch (fact.type) {
    case 'instance.boot_requested':
      return `boot requested (run ${fact.run}, ${fact.cause})`;
    case 'instance.ended':
      return `run ${fact.run} ended: ${fact.reason}${fact.code === null ? '' : ` code ${fact.code}`}`;
    case 'restart.scheduled':
      return `restart attempt ${fact.attempt} scheduled for ${new Date(fact.due).toISOString()}`;
    case 'restart.attempted':
      return `restart attempt ${fact.attempt}`;
    case 'restart.blocked':
      return `restarts blocked: ${fact.reason}`;
    case 'intent.changed':
      return `wanted ${fact.wanted}`;
    default:
      return fact.type.replace('.', ' ').replaceAll('_', ' ');
  }
}
