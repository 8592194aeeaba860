import { describe, expect, it } from 'vitest';
import { BREAKS, codeOf, HOSTS_OWN, REFUSALS, verdictOn } from '../../../src/adapters/probes/failures.ts';
import { createProbers } from '../../../src/adapters/probes/probers.ts';
import { checkOf, wanted } from '../../contracts/prober.world.ts';
import { document, name, tableRows } from '../../documents/markdown.ts';
import { UNREACHABLE } from './guest-server.ts';

function coded(code: string): Error {
  return Object.assign(new Error('said by \u001b[2J the guest'), { code });
}

describe('whose fault a failure is', () => {
  it.each(Object.keys(HOSTS_OWN))('%s is the fault of this host, whenever it comes', (code) => {
    expect(verdictOn(coded(code), false).result).toBe('unavailable');
    expect(verdictOn(coded(code), true).result).toBe('unavailable');
  });

  it.each(Object.keys(REFUSALS))(
    '%s before the connection stood is the answer of the guest, or its absence',
    (code) => {
      expect(verdictOn(coded(code), false).result).toBe('failed');
    },
  );

  it('is unknown of an error that is not listed, before the connection stood', () => {
    const error = 'the connection could not be tried (ESOMETHING)';
    expect(verdictOn(coded('ESOMETHING'), false)).toEqual({ result: 'unavailable', error });
  });

  it.each([...Object.keys(BREAKS), 'ESOMETHING', 'HPE_LF_EXPECTED', 'ERR_SSL_SOMETHING', 'CERT_REVOKED'])(
    '%s is the doing of the guest once the connection stood',
    (code) => expect(verdictOn(coded(code), true)).toMatchObject({ result: 'failed' }),
  );

  it('is told in words of ours, with the code and nothing that a guest may have written', () => {
    expect(verdictOn(coded('HPE_LF_EXPECTED'), true)).toHaveProperty(
      'error',
      'the answer is not HTTP (HPE_LF_EXPECTED)',
    );
    expect(verdictOn(coded('CERT_REVOKED'), true)).toHaveProperty(
      'error',
      'the certificate is not valid (CERT_REVOKED)',
    );
    expect(codeOf(coded('\u001b[2J'))).toBe('no code');
    expect(codeOf('a text')).toBe('no code');
  });

  it.each([
    ['this host could not ask', HOSTS_OWN],
    ['before the connection stood', REFUSALS],
    ['after it stood', BREAKS],
  ])('stands in the reference, code by code: %s', (head, codes) => {
    const rows = tableRows(document('docs/reference/probes.md'), head);
    expect(rows.map(([code]) => name(code))).toEqual(Object.keys(codes));
    for (const [code, why] of rows) expect(why?.length, code).toBeGreaterThan(5);
  });
});

describe('probers of all kinds', () => {
  const passes = { probe: async () => ({ result: 'passed' }) as const };
  const check = checkOf({ type: 'tcp', port: 80 });

  it('ask with the one of the kind of the check', async () => {
    const broken = { probe: () => Promise.reject(new Error('not this one')) };
    expect(await createProbers({ http: broken, tcp: passes }).probe(UNREACHABLE, check, wanted())).toEqual({
      result: 'passed',
    });
  });

  it('say that there is none of that kind', async () => {
    expect(await createProbers({ http: passes }).probe(UNREACHABLE, check, wanted())).toEqual({
      result: 'unavailable',
      error: 'this host makes no tcp checks',
    });
  });

  it('say nothing of the guest when one of them is broken, and show nothing harmful of why', async () => {
    const broken = { probe: () => Promise.reject(new Error(`out of order\n\u001b[2J${'x'.repeat(1_000)}`)) };
    const answer = await createProbers({ tcp: broken }).probe(UNREACHABLE, check, wanted());
    expect(answer.result).toBe('unavailable');
    expect(answer).toHaveProperty(
      'error',
      expect.stringMatching(/^the prober failed: out of order\\u\{a\}\\u\{1b\}\[2Jx+$/),
    );
  });
});
