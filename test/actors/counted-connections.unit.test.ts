import { describe, expect, it } from 'vitest';
import type { AutoStandby } from '../../machines/policies.ts';
import {
  countedUnder,
  stateName,
  type TableEntry,
  TCP_STATES,
} from '../../src/actors/contracts/counted-connections.ts';

/** Which entries of a table of connections keep a guest awake. */

const ANY: AutoStandby = { enabled: true, idle_timeout_ms: 30_000 };

function entry(changes: Partial<TableEntry> & { client?: string; port?: number } = {}): TableEntry {
  const { client = '203.0.113.7', port = 80, ...others } = changes;
  return {
    protocol: 'tcp',
    original: { source: client, source_port: 5_000 },
    reply: { source: '10.66.0.5', source_port: port },
    tcp_state: TCP_STATES.indexOf('ESTABLISHED'),
    ...others,
  };
}

describe('a TCP connection', () => {
  it.each(['NONE', 'TIME_WAIT', 'CLOSE'] as const)('that is %s does not count', (state) => {
    expect(countedUnder(ANY)(entry({ tcp_state: TCP_STATES.indexOf(state) }))).toBe(false);
  });

  it.each(TCP_STATES.filter((state) => !['NONE', 'TIME_WAIT', 'CLOSE'].includes(state)))(
    'that is %s counts',
    (state) => {
      expect(countedUnder(ANY)(entry({ tcp_state: TCP_STATES.indexOf(state) }))).toBe(true);
    },
  );

  it('whose state is told by no number, or by one that nobody knows, counts', () => {
    expect(countedUnder(ANY)(entry({ tcp_state: null }))).toBe(true);
    expect(countedUnder(ANY)(entry({ tcp_state: 12 }))).toBe(true);
    expect([null, 12, 3].map((tcp_state) => stateName(entry({ tcp_state })))).toEqual([
      'unknown',
      'state 12',
      'ESTABLISHED',
    ]);
  });
});

it('an entry of UDP counts as long as it is there', () => {
  const udp = entry({ protocol: 'udp', tcp_state: null });
  expect([countedUnder(ANY)(udp), stateName(udp)]).toEqual([true, 'UDP']);
});

it.each(['sctp', 'gre', 'protocol-50'] as const)('an entry of %s counts as long as it is there, too', (protocol) => {
  const other = entry({ protocol, tcp_state: null });
  expect([countedUnder(ANY)(other), stateName(other)]).toEqual([true, protocol.toUpperCase()]);
});

describe('what a policy leaves out', () => {
  it.each([
    ['an ignored network', { ignore_source_cidrs: ['203.0.113.0/24'] }, '203.0.113.7', 80, false],
    ['an address beside it', { ignore_source_cidrs: ['203.0.113.0/24'] }, '203.0.114.7', 80, true],
    ['an ignored network of IPv6', { ignore_source_cidrs: ['2001:db8::/32'] }, '2001:db8::7', 80, false],
    ['an address of IPv6 beside it', { ignore_source_cidrs: ['2001:db8::/32'] }, '2001:db9::7', 80, true],
    ['everything of IPv4', { ignore_source_cidrs: ['0.0.0.0/0'] }, '203.0.113.7', 80, false],
    ['everything of IPv4, but not of IPv6', { ignore_source_cidrs: ['0.0.0.0/0'] }, '2001:db8::7', 80, true],
    ['everything of IPv6', { ignore_source_cidrs: ['::/0'] }, '2001:db8::7', 80, false],
    ['everything of IPv6, but not of IPv4', { ignore_source_cidrs: ['::/0'] }, '203.0.113.7', 80, true],
    [
      'a network of IPv4 in its IPv6 form',
      { ignore_source_cidrs: ['::ffff:203.0.113.0/120'] },
      '203.0.113.7',
      80,
      false,
    ],
    ['an address in its IPv6 form', { ignore_source_cidrs: ['203.0.113.0/24'] }, '::ffff:203.0.113.7', 80, false],
    ['an ignored port', { ignore_destination_ports: [80] }, '203.0.113.7', 80, false],
    ['another port', { ignore_destination_ports: [80] }, '203.0.113.7', 81, true],
  ] as [string, Partial<AutoStandby>, string, number, boolean][])('is %s', (_what, ignored, client, port, counted) => {
    expect(countedUnder({ ...ANY, ...ignored })(entry({ client, port }))).toBe(counted);
  });

  it('is the address that only the daemon speaks from, and nothing else of its host', () => {
    const counts = countedUnder(ANY, ['10.66.0.2', 'fd00::2']);
    expect(['10.66.0.2', 'fd00::2', '10.66.0.1', '10.66.0.6'].map((client) => counts(entry({ client })))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});
