import { describe, expect, it } from 'vitest';
import { sacrificedIn } from '../../../src/adapters/conntrack/table-room.ts';
import { openNamespace } from '../bridge/namespace.ts';

const module = new URL('../../../src/adapters/conntrack/table-room.ts', import.meta.url).href;
const READ = `const { readKernelRoom } = await import(${JSON.stringify(module)});
console.log(JSON.stringify(await readKernelRoom()));`;

describe('how much room the table of connections has', () => {
  it('is what the kernel says of the network namespace that it is asked in', async () => {
    const place = await openNamespace();
    try {
      await place.run(
        'conntrack',
        '-I',
        '-p',
        'udp',
        '-s',
        '192.0.2.1',
        '-d',
        '192.0.2.2',
        '--sport',
        '9',
        '--dport',
        '9',
        '-t',
        '600',
      );
      const room = JSON.parse(await place.run(process.execPath, '--input-type=module', '-e', READ));
      const max = Number(await place.run('cat', '/proc/sys/net/netfilter/nf_conntrack_max'));
      expect(room).toEqual({ entries: 1, max, sacrificed: 0 });
    } finally {
      await place.close();
    }
  });

  it('is summed up over all processors, whatever else a kernel counts', () => {
    const counts =
      'entries  found drop early_drop icmp_error\n00000009  00000001 00000002 0000000a 0\n00000009 0 0 00000005 0\n';
    expect(sacrificedIn(counts)).toBe(15);
    expect(sacrificedIn('entries found\n1 2\n')).toBeNull();
  });
});
