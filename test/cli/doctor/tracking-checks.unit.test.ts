import { describe, expect, test } from 'vitest';
import { IN_BRIDGE } from '../../../src/adapters/bridge/tracking.ts';
import type { RunProgram } from '../../../src/cli/doctor/run-program.ts';
import { checkTracking } from '../../../src/cli/doctor/tracking-checks.ts';
import { surroundings } from './surroundings.ts';

describe('who talks to guests', () => {
  const events = 'test -w /proc/sys/net/netfilter/nf_conntrack_events';
  const isThere = events.replace('-w', '-e');
  const byNetfilter = 'test -e /proc/sys/net/bridge/bridge-nf-call-iptables';
  const inBridge = `nft --check ${IN_BRIDGE}`;
  const module = 'modprobe --dry-run --quiet nf_conntrack';

  test.for<[readonly string[], string, string]>([
    [[events, inBridge], 'ok tracking: the kernel can tell', 'ok between guests'],
    [[events, byNetfilter], 'ok tracking: the kernel can tell', 'ok between guests'],
    [[isThere], 'problem tracking: /proc/sys/net/netfilter/nf_conntrack_events cannot be written', 'warning between'],
    [[module], 'ok tracking: the module nf_conntrack is there', 'warning between guests: the kernel has neither'],
    [[], 'problem tracking: the kernel tracks no connections', 'warning between guests: the kernel has neither'],
  ])('can be known when these say yes: %j', async ([yes, tracking, between]) => {
    const around = surroundings({ data: '/nowhere', config: { bridge: 'sv-doctor' } });
    const run: RunProgram = async (program, args) => {
      return { status: yes.includes([program, ...args].join(' ')) ? 0 : 1, stdout: '' };
    };
    const findings = await checkTracking({ ...around, run });
    const lines = findings.map(({ verdict, check, found: said }) => `${verdict} ${check}: ${said}`);
    expect(lines[0]).toContain(tracking);
    expect(lines[1]).toContain(between);
    expect(findings.every(({ verdict, remedy }) => (verdict === 'ok') === (remedy === undefined))).toBe(true);
  });

  test.for<[string, string, string]>([
    ['432000', '1', 'ok silent connections: the kernel keeps open connections in mind'],
    ['7875', '2', 'ok silent connections'],
    ['3600', '1', 'warning silent connections: the kernel forgets one over which nothing is said for 3600 s'],
    ['432000', '0', 'warning silent connections: the kernel never takes up one that was open before'],
    ['', '', 'ok silent connections'],
  ])(
    'may be forgotten: an open connection is kept for %s s, and taken up where it is %s',
    async ([kept, loose, line]) => {
      const around = surroundings({ data: '/nowhere', config: { bridge: 'sv-doctor' } });
      const run: RunProgram = async (_program, [path = '']) => {
        const value = path.endsWith('_established') ? kept : path.endsWith('_loose') ? loose : '';
        return { status: value === '' ? 1 : 0, stdout: `${value}\n` };
      };
      const last = (await checkTracking({ ...around, run })).at(-1)!;
      expect(`${last.verdict} ${last.check}: ${last.found}`).toContain(line);
      expect(last.verdict === 'ok').toBe(last.remedy === undefined);
    },
  );

  test('is looked at only when a bridge is asked for', async () => {
    expect(await checkTracking(surroundings({ data: '/nowhere' }))).toEqual([]);
  });
});
