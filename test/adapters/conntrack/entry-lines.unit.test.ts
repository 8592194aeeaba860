import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINE_MAX_CHARACTERS, type ReadLine, readLine } from '../../../src/adapters/conntrack/entry-lines.ts';

/** Lines as `conntrack` 1.4.7 and the file of Linux 6 write them. */
const LINES = {
  opened:
    '[1795717898.050903]	    [NEW] tcp      6 120 SYN_SENT src=203.0.113.7 dst=10.9.0.2 sport=40001 dport=80 [UNREPLIED] src=10.9.0.2 dst=203.0.113.7 sport=80 dport=40001 mark=0 id=2480348601 [USERSPACE] portid=14364',
  destroyed:
    '[1795717898.080876]	[DESTROY] udp      17 src=fd00::1 dst=fd00:9::2 sport=1235 dport=53 [UNREPLIED] src=fd00:9::2 dst=fd00::1 sport=53 dport=1235 id=1698255261',
  listed:
    'tcp      6 431999 ESTABLISHED src=203.0.113.7 dst=192.0.2.1 sport=40001 dport=8080 src=10.9.0.2 dst=203.0.113.7 sport=80 dport=40001 [ASSURED] mark=0 use=1 id=389738503',
  inFile:
    'ipv4     2 tcp      6 299 SYN_SENT2 src=10.0.0.1 dst=10.0.0.3 sport=1235 dport=80 [UNREPLIED] src=10.0.0.3 dst=10.0.0.1 sport=80 dport=1235 mark=0 zone=0 use=2',
  offloaded:
    'tcp      6 src=203.0.113.7 dst=10.9.0.2 sport=40001 dport=80 src=10.9.0.2 dst=203.0.113.7 sport=80 dport=40001 [OFFLOAD] mark=0 use=2 id=7',
  ping6:
    'icmpv6   58 29 src=fd00:9::3 dst=fd00:9::2 type=128 code=0 id=7 [UNREPLIED] src=fd00:9::2 dst=fd00:9::3 type=129 code=0 id=7 mark=0 use=1 id=3978926772',
  ping6InFile:
    'ipv6     10 icmpv6   58 99 src=fd00:0009:0000:0000:0000:0000:0000:0003 dst=fd00:0009:0000:0000:0000:0000:0000:0002 type=128 code=0 id=7 [UNREPLIED] src=fd00:0009:0000:0000:0000:0000:0000:0002 dst=fd00:0009:0000:0000:0000:0000:0000:0003 type=129 code=0 id=7 mark=0 zone=0 use=2',
  tunnel:
    'gre      47 99 src=203.0.113.7 dst=10.9.0.2 srckey=0x1 dstkey=0x2 [UNREPLIED] src=10.9.0.2 dst=203.0.113.7 srckey=0x2 dstkey=0x1 mark=0 use=1 id=1068000805',
  tunnelInFile:
    'ipv4     2 gre      47 99 timeout=30, stream_timeout=180 src=203.0.113.7 dst=10.9.0.2 srckey=0x1 dstkey=0x2 [UNREPLIED] src=10.9.0.2 dst=203.0.113.7 srckey=0x2 dstkey=0x1 mark=0 zone=0 use=2',
  unnamed:
    'unknown  50 99 src=203.0.113.7 dst=10.9.0.2 [UNREPLIED] src=10.9.0.2 dst=203.0.113.7 mark=0 use=1 id=3446726347',
  datagrams:
    'udplite  136 99 src=203.0.113.7 dst=10.9.0.2 sport=40001 dport=80 [UNREPLIED] src=10.9.0.2 dst=203.0.113.7 sport=80 dport=40001 mark=0 use=1 id=2177962468',
  zoned:
    'tcp      6 99 ESTABLISHED src=203.0.113.7 dst=10.9.0.2 sport=40001 dport=80 zone-orig=4 [UNREPLIED] src=10.9.0.2 dst=203.0.113.7 sport=80 dport=40001 mark=0 use=1 id=1671188501',
  ping: 'icmp     1 30 src=10.0.0.1 dst=10.0.0.3 type=8 code=0 id=7 src=10.0.0.3 dst=10.0.0.1 type=0 code=0 id=7 mark=0 use=1 id=1404996839',
} as const;

const read = (line: string): ReadLine => readLine(line, () => true);

describe('a line about a connection', () => {
  it('tells of its opening, when, and by which number the kernel knows it', () => {
    expect(read(LINES.opened)).toMatchObject({
      change: 'present',
      entry: {
        protocol: 'tcp',
        tcp_state: 1,
        timeout_s: 120,
        original: { source: '203.0.113.7', source_port: 40_001 },
        reply: { source: '10.9.0.2', source_port: 80 },
        id: 2_480_348_601,
        occurred_at: 1_795_717_898_050,
      },
    });
  });

  it('tells of its end, without a timeout, over IPv6', () => {
    const end = { change: 'destroyed', entry: { protocol: 'udp', timeout_s: null, reply: { source: 'fd00:9::2' } } };
    expect(read(LINES.destroyed)).toMatchObject(end);
  });

  it('names the guest by who answers, where addresses are translated', () => {
    expect(read(LINES.listed)).toMatchObject({
      entry: { tcp_state: 3, reply: { source: '10.9.0.2', source_port: 80 } },
    });
  });

  it('has its family before it in the file', () => {
    expect(read(LINES.inFile)).toMatchObject({ entry: { tcp_state: 9, id: null } });
  });

  it('whose state is no word that is known has one that counts', () => {
    expect(read(LINES.offloaded)).toMatchObject({ entry: { tcp_state: null } });
    expect(read(LINES.listed.replace('ESTABLISHED', 'BRAND_NEW'))).toMatchObject({ entry: { tcp_state: null } });
  });

  it.each([
    [LINES.tunnel, 'gre', 2],
    [LINES.tunnelInFile, 'gre', 2],
    [LINES.unnamed, 'protocol-50', 0],
    [LINES.datagrams, 'udplite', 80],
  ])('is about something else than TCP and UDP, which counts too: %s', (line, protocol, port) => {
    const reply = { source: '10.9.0.2', source_port: port };
    expect(read(line)).toMatchObject({ entry: { protocol, reply, tcp_state: null, timeout_s: 99 } });
  });

  it('is of another connection when its opening direction has a zone of its own', () => {
    const [zoned, plain] = [read(LINES.zoned), read(LINES.zoned.replace('zone-orig=4 ', ''))];
    expect(zoned).toMatchObject({ entry: { tuple: { zone: 0, original_zone: 4 } } });
    expect(zoned).not.toMatchObject({ entry: { key: typeof plain === 'string' ? '' : plain.entry.key } });
  });

  it('is other people’s when it is about a ping, or about nobody here', () => {
    expect([LINES.ping, LINES.ping6, LINES.ping6InFile].map(read)).toEqual(['other', 'other', 'other']);
    expect(readLine(LINES.listed, () => false)).toBe('other');
  });
});

describe('a line that cannot be understood', () => {
  it.each([
    ['words', 'conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown.'],
    ['no answering address', 'tcp 6 120 SYN_SENT src=203.0.113.7 dst=10.9.0.2 sport=40001 dport=80'],
    ['an address that is none', LINES.listed.replaceAll('10.9.0.2', '10.9.0.256')],
    ['ports that are none', LINES.listed.replaceAll('sport=80', 'sport=x')],
    ['more characters than a line has', LINES.listed.padEnd(LINE_MAX_CHARACTERS + 1)],
  ])('is garbage: %s', (_, line) => {
    expect(read(line)).toBe('garbage');
  });

  it('never throws', () => {
    const line = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc
        .tuple(fc.constantFrom(...Object.values(LINES)), fc.nat(200), fc.string({ maxLength: 6 }))
        .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at + put.length)),
    );
    fc.assert(fc.property(line, (text) => ['garbage', 'other', 'object'].includes(kindOf(read(text)))));
  });
});

function kindOf(result: ReadLine): string {
  return typeof result === 'string' ? result : 'object';
}
