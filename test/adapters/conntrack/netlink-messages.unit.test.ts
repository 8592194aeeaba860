import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keysOfText } from '../../../src/adapters/conntrack/addresses.ts';
import type { Change, KernelEntry } from '../../../src/adapters/conntrack/kernel-table.ts';
import { readMessages } from '../../../src/adapters/conntrack/netlink-messages.ts';
import { deleteRequest, dumpRequest, noopMessage } from '../../../src/adapters/conntrack/netlink-requests.ts';
import { RECORDED } from './recorded-messages.ts';

interface Told {
  readonly entries: [Change, KernelEntry][];
  readonly ended: number[];
  readonly noops: number[];
}

function read(bytes: Buffer, concerns: (address: number | string) => boolean = () => true) {
  const told: Told = { entries: [], ended: [], noops: [] };
  const result = readMessages(bytes, bytes.length, {
    concerns,
    entry: (entry, change) => told.entries.push([change, entry]),
    ended: (errno) => told.ended.push(errno),
    noop: (sequence) => told.noops.push(sequence),
  });
  return { ...told, ...result };
}

const bytesOf = (name: keyof typeof RECORDED): Buffer => Buffer.from(RECORDED[name], 'hex');

describe('what the kernel has told, byte for byte', () => {
  it('is a new connection over IPv4', () => {
    const [[change, entry] = []] = read(bytesOf('newTcp')).entries;
    expect(change).toBe('present');
    expect(entry).toMatchObject({
      protocol: 'tcp',
      original: { source: '203.0.113.7', source_port: 40_001 },
      reply: { source: '10.9.0.2', source_port: 80 },
      tcp_state: 1,
      timeout_s: 120,
      id: expect.any(Number),
    });
  });

  it('is one over IPv6', () => {
    expect(read(bytesOf('newTcpOverIpv6')).entries[0]?.[1]).toMatchObject({
      original: { source: '2001:db8:7::7' },
      reply: { source: 'fd00:9::2', source_port: 80 },
    });
  });

  it('is one whose address was translated: the guest is who answers', () => {
    const [, entry] = read(bytesOf('translated')).entries[0]!;
    expect(entry.reply).toEqual({ source: '10.9.0.2', source_port: 80 });
    expect(entry.tuple).toMatchObject({ destination: keysOfText('192.0.2.1')[0], destination_port: 8080 });
  });

  it('is UDP, which has no state', () => {
    expect(read(bytesOf('newUdp')).entries[0]?.[1]).toMatchObject({ protocol: 'udp', tcp_state: null, timeout_s: 30 });
  });

  it('is a change that is not about the state', () => {
    expect(read(bytesOf('withoutState')).entries[0]).toMatchObject(['present', { protocol: 'tcp', tcp_state: null }]);
  });

  it('is the end of an entry', () => {
    expect(read(bytesOf('destroyed')).entries[0]?.[0]).toBe('destroyed');
  });

  it('is one that the kernel took up in the middle: whoever spoke first since may be the guest that it is to', () => {
    const client = keysOfText('203.0.113.7')[0];
    const toClient = (address: number | string): boolean => address === client;
    const turned = {
      guest: client,
      original: { source: '10.9.0.2', source_port: 80 },
      reply: { source: '203.0.113.7', source_port: 40_001 },
    };
    expect(read(bytesOf('newTcp'), toClient).entries).toMatchObject([['present', turned]]);
    expect(read(bytesOf('destroyed'), toClient).entries).toMatchObject([['destroyed', turned]]);
    expect(read(bytesOf('withoutState'), toClient).entries).toEqual([]);
  });

  it('is one that it saw from the beginning, when it knows how windows are scaled: who opened it has no client', () => {
    const message = bytesOf('newTcp');
    message.writeUInt8(0x0b, message.indexOf(Buffer.from('060004000a00', 'hex')) + 4);
    expect(read(message, (address) => address === keysOfText('203.0.113.7')[0]).entries).toEqual([]);
    expect(read(message).entries).toHaveLength(1);
  });

  it('is one to both ends, when both are guests and nobody knows who opened it', () => {
    expect(read(bytesOf('newTcp')).entries.map(([, entry]) => entry.reply.source)).toEqual(['10.9.0.2', '203.0.113.7']);
  });

  it.each([
    [132, 'sctp'],
    [136, 'udplite'],
    [33, 'dccp'],
    [47, 'gre'],
    [50, 'protocol-50'],
  ])('is something else than TCP and UDP, which counts too: %i', (number, protocol) => {
    // Both directions name the protocol by its number.
    const message = Buffer.from(RECORDED.newUdp.replaceAll('0500010011', `05000100${number.toString(16)}`), 'hex');
    expect(read(message)).toMatchObject({ entries: [['present', { protocol, tcp_state: null }]], garbage: 0 });
  });

  it('is one of a zone of its opening direction: it is another one than the same without', () => {
    const plain = bytesOf('newUdp');
    const zoned = Buffer.concat([
      plain.subarray(0, 72),
      Buffer.from('060003000004' + '0000', 'hex'),
      plain.subarray(72),
    ]);
    zoned.writeUInt32LE(zoned.length, 0);
    zoned.writeUInt16LE(plain.readUInt16LE(20) + 8, 20);
    const [[, one] = [], [, other] = []] = [plain, zoned].flatMap((bytes) => read(bytes).entries);
    expect([one?.tuple.original_zone, other?.tuple.original_zone]).toEqual([0, 4]);
    expect(other?.key).not.toBe(one?.key);
    expect(deleteRequest(other!, 7).subarray(20, 80)).toEqual(zoned.subarray(20, 80));
  });

  it('is a ping, which is no connection', () => {
    expect(read(bytesOf('ping'))).toMatchObject({ entries: [], messages: 1, garbage: 0 });
  });

  it('is not read further when it concerns nobody', () => {
    expect(read(bytesOf('newTcp'), () => false)).toMatchObject({ entries: [], messages: 1, garbage: 0 });
  });

  it('is part of a dump that the table changed under, when its flags say so', () => {
    const part = bytesOf('newTcp');
    expect(read(part).interrupted).toBe(false);
    part.writeUInt16LE(0x12, 6);
    expect(read(part)).toMatchObject({ interrupted: true, messages: 1, garbage: 0 });
  });

  it('is the end of a dump, or an error', () => {
    expect(read(bytesOf('done')).ended).toEqual([0]);
    expect(read(bytesOf('refused')).ended).toEqual([1]);
  });
});

describe('a message that cannot be understood', () => {
  it('is counted, and the one after it is read', () => {
    const garbled = bytesOf('newTcp');
    // The length of the first attribute no longer fits.
    garbled.writeUInt16LE(0xfff0, 20);
    const { entries, garbage } = read(Buffer.concat([garbled, bytesOf('newUdp')]));
    expect(garbage).toBe(1);
    expect(entries).toHaveLength(1);
  });

  it('is one without an answering address', () => {
    const garbled = bytesOf('newTcp').subarray(0, 20);
    garbled.writeUInt32LE(20, 0);
    expect(read(garbled)).toMatchObject({ entries: [], garbage: 1 });
  });

  it('never throws, and never more than one is counted for each 16 bytes, whatever is in it', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      // What the kernel sent, with a few bytes changed: it gets past the first looks.
      fc
        .tuple(
          fc.constantFrom(...Object.values(RECORDED)),
          fc.array(fc.tuple(fc.nat(600), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
          fc.nat(600),
        )
        .map(([hex, changes, cut]) => {
          const bytes = Buffer.from(hex, 'hex');
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          return bytes.subarray(0, Math.max(0, bytes.length - (cut % 40)));
        }),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        const { entries, garbage, messages, ended, noops } = read(bytes);
        const all = entries.length + garbage + ended.length + noops.length;
        expect(all).toBeLessThanOrEqual(bytes.length / 16 + 1);
        // A connection that was taken up in the middle may be one to either end.
        expect(entries.length).toBeLessThanOrEqual(2 * messages);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what is asked of the kernel', () => {
  const entry = (name: keyof typeof RECORDED): KernelEntry => read(bytesOf(name)).entries[0]![1];

  it.each(['newTcp', 'newTcpOverIpv6', 'newUdp'] as const)(
    'to remove an entry names it by its tuple and number: %s',
    (name) => {
      const request = deleteRequest(entry(name), 7);
      expect(request.readUInt32LE(0)).toBe(request.length);
      expect(request.readUInt16LE(4)).toBe(0x0102);
      // Its tuple stands where the kernel wrote it in the message: after the family, the first attribute.
      const tupleLength = request.readUInt16LE(20);
      expect(request.subarray(24, 20 + tupleLength)).toEqual(bytesOf(name).subarray(24, 20 + tupleLength));
      const id = Buffer.alloc(4);
      id.writeUInt32BE(entry(name).id!);
      expect(request.includes(id)).toBe(true);
    },
  );

  it('is a dump of all families', () => {
    expect(dumpRequest(3).toString('hex')).toBe('14000000010101030300000000000000' + '00000000');
  });

  it('is recognised when it comes back, if it is only a mark', () => {
    expect(read(noopMessage(77)).noops).toEqual([77]);
  });
});
