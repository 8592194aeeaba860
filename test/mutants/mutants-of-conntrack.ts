import type { Mutant } from './mutant.ts';

/** Defects in what is known of connections: which count, what a lost event leaves behind, when a table is read. */

const RULE = 'src/actors/contracts/counted-connections.ts';
const GUEST = 'src/adapters/conntrack/watched-guest.ts';
const OBSERVER = 'src/adapters/conntrack/observer.ts';
const MESSAGES = 'src/adapters/conntrack/netlink-messages.ts';
const ROOM = 'src/adapters/conntrack/table-room.ts';
const KEPT = 'src/actors/tracking/kept-tracking.ts';
const DUMPS = 'src/adapters/conntrack/shared-dumps.ts';

const rule = (title: string) => ({ file: 'test/actors/counted-connections.unit.test.ts', title });
const known = (title: string) => ({ file: 'test/adapters/conntrack/watched-guest.unit.test.ts', title });
const observer = (title: string) => ({ file: 'test/adapters/conntrack/observer.unit.test.ts', title });
const told = (title: string) => ({ file: 'test/adapters/conntrack/netlink-messages.unit.test.ts', title });
const room = (title: string) => ({ file: 'test/adapters/conntrack/table-room.unit.test.ts', title });
const kept = (title: string) => ({ file: 'test/actors/kept-tracking.unit.test.ts', title });

const THE_TRUTH = known('is the truth after every event and every dump, also of a dump that the table changes under');
const THE_TRUTH_AGAIN = known(
  'is the truth again after a dump, whatever was lost before, and never idle for longer than was heard',
);
const SHARED = known('serve all who asked before they began, and nobody who asked after');

export const MUTANTS_OF_CONNTRACK: readonly Mutant[] = [
  {
    name: 'a handshake that is under way does not count',
    file: RULE,
    find: "  TCP_STATES.indexOf('NONE'),\n",
    put: "  TCP_STATES.indexOf('NONE'),\n  TCP_STATES.indexOf('SYN_SENT'),\n",
    killedBy: rule('that is %s counts'),
  },
  {
    name: 'a half-closed connection is taken for one that is over',
    file: RULE,
    find: "  TCP_STATES.indexOf('CLOSE'),\n",
    put: "  TCP_STATES.indexOf('CLOSE'),\n  TCP_STATES.indexOf('CLOSE_WAIT'),\n",
    killedBy: rule('that is %s counts'),
  },
  {
    name: 'a state that nobody has heard of is taken for an end',
    file: RULE,
    find: 'state === null || !OVER.includes(state)',
    put: 'state === null || (state < TCP_STATES.length && !OVER.includes(state))',
    killedBy: rule('whose state is told by no number, or by one that nobody knows, counts'),
  },
  {
    name: 'a state that an event leaves out is taken for an end',
    file: RULE,
    find: 'state === null || !OVER.includes(state)',
    put: 'state !== null && !OVER.includes(state)',
    killedBy: rule('whose state is told by no number, or by one that nobody knows, counts'),
  },
  {
    name: 'a connection that is over counts until the kernel forgets it',
    file: RULE,
    find: "  TCP_STATES.indexOf('TIME_WAIT'),\n",
    put: '',
    killedBy: rule('that is %s does not count'),
  },
  {
    name: 'UDP does not count',
    file: RULE,
    find: "return protocol !== 'tcp' || state === null || !OVER.includes(state);",
    put: "return protocol === 'tcp' && (state === null || !OVER.includes(state));",
    killedBy: rule('an entry of UDP counts as long as it is there'),
  },
  {
    name: 'what is neither TCP nor UDP does not count',
    file: 'src/adapters/conntrack/protocols.ts',
    find: 'if (NO_CONNECTIONS.includes(number)) return null;',
    put: 'if (number !== 6 && number !== 17) return null;',
    killedBy: told('is something else than TCP and UDP, which counts too: %i'),
  },
  {
    name: 'a connection that the kernel took up in the middle is believed to be of who spoke first since',
    file: MESSAGES,
    find: '  if (!mayBeTurned(bytes, change)) return true;\n',
    put: '  return true;\n',
    killedBy: told(
      'is one that the kernel took up in the middle: whoever spoke first since may be the guest that it is to',
    ),
  },
  {
    name: 'what a guest opens itself keeps it awake',
    file: MESSAGES,
    find: '(TCP_FLAG.isLiberal | TCP_FLAG.scalesWindows)) === TCP_FLAG.isLiberal',
    put: 'TCP_FLAG.isLiberal) === TCP_FLAG.isLiberal',
    killedBy: told(
      'is one that it saw from the beginning, when it knows how windows are scaled: who opened it has no client',
    ),
  },
  {
    name: 'connections of two zones are one',
    file: MESSAGES,
    find: 'original_zone: originalZoneOf(bytes) }',
    put: 'original_zone: 0 }',
    killedBy: told('is one of a zone of its opening direction: it is another one than the same without'),
  },
  {
    name: 'a table that is full is believed',
    file: ROOM,
    find: 'entries >= max * NEARLY_FULL',
    put: 'entries > max',
    killedBy: room(
      'tells nothing of who it lacks, until it has room again: idle is then whoever has nobody, since then',
    ),
  },
  {
    name: 'a table from which the kernel removed open connections is believed',
    file: OBSERVER,
    find: '      await this.#room.check();\n      if (interrupted',
    put: '      if (interrupted',
    killedBy: room(
      'has forgotten connections that are open, when the kernel says that it made room: also while it was being read',
    ),
  },
  {
    name: 'traffic that some rule exempts from tracking is not missed',
    file: 'src/adapters/bridge/tracking.ts',
    find: '  if (packets === 0) return;\n',
    put: '  if (packets >= 0) return;\n',
    killedBy: {
      file: 'test/adapters/bridge/commands.unit.test.ts',
      title:
        'packets that the kernel was told not to track are found in the counters of the filter: nothing is known any more',
    },
  },
  {
    name: 'who speaks to the address that a guest’s card gives itself does not count',
    file: 'src/actors/tracking/tracked-guest.ts',
    find: 'given.some(isIPv6) ?',
    put: 'given.length === 0 ?',
    killedBy: {
      file: 'test/actors/tracking.unit.test.ts',
      title: 'is watched under its addresses from when it is ready until its run ends',
    },
  },
  {
    name: 'a network of IPv6 cannot be ignored',
    file: RULE,
    find: '!sources.check(source, familyOf(source))',
    put: "(isIPv6(source) || !sources.check(source, 'ipv4'))",
    killedBy: rule('is %s'),
  },
  {
    name: 'an ignored port is the port of the client',
    file: RULE,
    find: 'ports.has(entry.reply.source_port)',
    put: 'ports.has(entry.original.source_port)',
    killedBy: rule('is %s'),
  },
  {
    name: 'the probes of the daemon count',
    file: RULE,
    find: '  for (const address of ignoredSources) sources.addAddress(address, familyOf(address));\n',
    put: '',
    killedBy: rule('is the address that only the daemon speaks from, and nothing else of its host'),
  },
  {
    name: 'a dump undoes what was heard while it was made',
    file: GUEST,
    find: '    this.#dumping?.touched.add(entry.key);\n',
    put: '',
    killedBy: THE_TRUTH,
  },
  {
    name: 'a connection that a dump does not find is kept',
    file: GUEST,
    find: 'if (!dumping.found.has(key) && !dumping.touched.has(key)) this.#forget(key);',
    put: 'if (dumping.touched.has(key)) this.#forget(key);',
    killedBy: THE_TRUTH_AGAIN,
  },
  {
    name: 'a connection is closed twice',
    file: GUEST,
    find: 'if (this.#counted.get(key)?.id === id || this.#over.get(key) === id) this.#forget(key);',
    put: 'this.#forget(key);',
    killedBy: known('does not end with the entry of an earlier connection between the same two ports'),
  },
  {
    name: 'a guest is idle since before its last client was heard of',
    file: GUEST,
    find: 'this.#since = Math.max(at, this.#since);',
    put: 'this.#since = Math.min(at, this.#since);',
    killedBy: THE_TRUTH_AGAIN,
  },
  {
    name: 'a change that no event had told of is no loss',
    file: GUEST,
    find: '        untold += 1;\n',
    put: '',
    killedBy: known('counts what no event had told of, so that loss without a word is seen'),
  },
  {
    name: 'the first client and the last are told of later',
    file: GUEST,
    find: '    this.#since = Math.max(at, this.#since);\n    this.mark();',
    put: '    this.#since = Math.max(at, this.#since);\n    this.changed = true;',
    killedBy: known('is told at once when it becomes none or some, and gathered when it is only another number'),
  },
  {
    name: 'UDP that has run out is never looked at again',
    file: GUEST,
    find: 'this.#notTcp > 0 && this.#notTcp === this.#counted.size ? this.#notTcpUntil : Number.POSITIVE_INFINITY',
    put: 'this.#notTcp < 0 ? this.#notTcpUntil : Number.POSITIVE_INFINITY',
    killedBy: known('is to be read again when nothing is left but UDP whose time is over'),
  },
  {
    name: 'a dump serves whoever asks while it is made',
    file: DUMPS,
    find: '      for (const { resolve, reject } of served) {',
    put: '      for (const { resolve, reject } of [...served, ...this.#asking.splice(0)]) {',
    killedBy: SHARED,
  },
  {
    name: 'everybody who confirms has a dump of his own',
    file: DUMPS,
    find: '      const served = this.#asking;\n      this.#asking = [];',
    put: '      const served = this.#asking.splice(0, 1);',
    killedBy: SHARED,
  },
  {
    name: 'a loss of events is made good by nobody',
    file: OBSERVER,
    find: "    this.#lose('events of connections were lost: more came than could be kept');\n    this.#reread();\n",
    put: "    this.#lose('events of connections were lost: more came than could be kept');\n",
    killedBy: observer('after a loss are told to nobody until the table has been read'),
  },
  {
    name: 'a loss of events is told to nobody',
    file: OBSERVER,
    find: "    this.#lose('events of connections were lost: more came than could be kept');\n",
    put: '',
    killedBy: observer('after a loss are told to nobody until the table has been read'),
  },
  {
    name: 'a dump during which events were lost is believed',
    file: OBSERVER,
    find: 'if (interrupted || losses !== this.#overruns) return false;',
    put: 'if (interrupted) return false;',
    killedBy: observer('during which events were lost tells nothing: one that was opened meanwhile is found'),
  },
  {
    name: 'a dump that the kernel has broken off is believed',
    file: OBSERVER,
    find: 'if (interrupted || losses !== this.#overruns) return false;',
    put: 'if (losses !== this.#overruns) return false;',
    killedBy: observer('is read again while the table changes under it'),
  },
  {
    name: 'a loss of events is over although the table could not be read',
    file: OBSERVER,
    find: '    if (this.#error === null) this.#changed.tell();',
    put: '    this.#changed.tell();',
    killedBy: observer('after a loss are told to nobody until the table has been read'),
  },
  {
    name: 'the table is never read without a cause',
    file: OBSERVER,
    find: '      this.#rereadAfter(Math.max(everyMs, this.#lastDump!.ms * DUMP_SHARE));\n',
    put: '',
    killedBy: observer('that were lost unnoticed are made up for by a dump now and then, and counted'),
  },
  {
    name: 'a message that means nothing ends the watching of all',
    file: OBSERVER,
    find: '    this.#counts.garbage += messages;\n',
    put: "    this.#counts.garbage += messages;\n    this.#lose('garbage');\n",
    killedBy: observer('are garbage now and then: that is counted, and changes nothing'),
  },
  {
    name: 'a guest is idle since before events of it were lost',
    file: GUEST,
    find: '(wasLost || strangerIsOver)',
    put: 'strangerIsOver',
    killedBy: observer(
      'that were lost for a while make it idle since the dump after them: who came and went is not known',
    ),
  },
  {
    name: 'a guest is idle since before its connections went unseen',
    file: KEPT,
    find: 'tell(this.#asOfNow(newest));',
    put: 'tell(newest);',
    killedBy: kept('is not told to have been idle since before its connections went unseen'),
  },
];
