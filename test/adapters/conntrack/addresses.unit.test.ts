import { SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOfBytes, keysOfText, textOfKey } from '../../../src/adapters/conntrack/addresses.ts';

describe('addresses', () => {
  it('have the same key in text and in the bytes of a message', () => {
    expect(keysOfText('10.9.0.2')[0]).toBe(keyOfBytes(Buffer.from([10, 9, 0, 2]), 0, 4));
    const v6 = Buffer.from('fd000009000000000000000000000002', 'hex');
    expect(keysOfText('fd00:9::2')).toEqual([keyOfBytes(v6, 0, 16)]);
  });

  it('are one, however they are written', () => {
    expect(keysOfText('FD00:9:0::2')).toEqual(keysOfText('fd00:9::2'));
    expect(keysOfText('::ffff:10.9.0.2')[0]).toBe(keysOfText('10.9.0.2')[0]);
    expect(keysOfText('::ffff:a09:2')).toEqual(keysOfText('::ffff:10.9.0.2'));
  });

  it('of IPv4 are also looked up in the form of IPv6, and written as IPv4', () => {
    const [, mapped] = keysOfText('10.9.0.2');
    expect(textOfKey(mapped!)).toBe('10.9.0.2');
  });

  it.each(['', 'web', '10.9.0', '10.9.0.256', 'fd00:::2', '10.9.0.0/24'])('are not what is none: %s', (text) => {
    expect(keysOfText(text)).toEqual([]);
  });

  it('are written as the machine writes them', () => {
    // A few zero groups make the rules about `::` matter.
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(groups, (numbers) => {
        const text = numbers.map((number) => number.toString(16)).join(':');
        // What begins with zeros may stand for an IPv4 address, which the machine writes in its own way.
        fc.pre(numbers.slice(0, 5).some((number) => number !== 0));
        expect(textOfKey(keysOfText(text)[0]!)).toBe(new SocketAddress({ address: text, family: 'ipv6' }).address);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(textOfKey(keysOfText(text)[0]!)).toBe(text);
      }),
    );
  });
});
