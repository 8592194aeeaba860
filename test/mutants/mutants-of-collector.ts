import type { Mutant } from './mutant.ts';

/** Defects between a daemon, its collector of connections, and the tool that one may read through. */

const UNTOLD = 'src/adapters/conntrack/untold.ts';
const TOOL = 'src/adapters/conntrack/tool-process.ts';

const untold = (title: string) => ({ file: 'test/adapters/conntrack/untold.unit.test.ts', title });
const tool = (title: string) => ({ file: 'test/adapters/conntrack/tool-table.int.test.ts', title });

export const MUTANTS_OF_COLLECTOR: readonly Mutant[] = [
  {
    name: 'a daemon that reads nothing is written to without end',
    file: UNTOLD,
    find: '    if (this.#isUnderWay) return;\n',
    put: '',
    killedBy: untold('waits while the daemon reads nothing: one message is under way, however much happens'),
  },
  {
    name: 'what was read before a loss is told after it',
    file: UNTOLD,
    find: '    this.#guests.clear();\n    this.#loss = error;',
    put: '    this.#loss = error;',
    killedBy: untold('tells of a loss before anything that was read after it, and of nothing that was read before'),
  },
  {
    name: 'a tool that hangs is waited for without end',
    file: TOOL,
    find: '      while (await this',
    put: '      while (false && await this',
    killedBy: tool('while the table is read, or entries are removed, is killed, and the next one is asked'),
  },
  {
    name: 'a removal that comes late takes the connection of the next guest',
    file: 'src/adapters/conntrack/removals.ts',
    find: 'this.#clock.now() < (asked.get(address) ?? 0)',
    put: 'asked.has(address)',
    killedBy: {
      file: 'test/adapters/conntrack/removals.unit.test.ts',
      title: 'what is asked for while another removal runs is not removed when its time is over by then',
    },
  },
  {
    name: 'a boot waits for a removal only where somebody counts how it went',
    file: 'src/actors/tracking/traffic-operations.ts',
    find: '    outcome = await Promise.race([forgotten, late]);',
    put: '    if (telemetry !== undefined) outcome = await Promise.race([forgotten, late]);',
    killedBy: {
      file: 'test/actors/traffic-operations.unit.test.ts',
      title: 'are waited for also where nobody counts how that went',
    },
  },
];
