import { describe, expect, it } from 'vitest';
import type { Definition } from '../../machines/definition.ts';
import { HostLedger } from '../../src/actors/host-ledger.ts';
import { definition } from './simulated-host.ts';

function wanting(name: string, ...hostPorts: number[]): Definition {
  const ports = hostPorts.map((host_port, n) => ({ host_port, guest_port: 80 + n }));
  return definition({ name, network: { enabled: true, ports } });
}

const portsOf = ({ network }: Definition): number[] => network.ports.map(({ host_port }) => host_port);

function codeOf(act: () => unknown): unknown {
  try {
    act();
    return 'no refusal';
  } catch (error) {
    return error;
  }
}

describe('the host ledger', () => {
  it('gives a name to one instance only, and tells who has it', () => {
    const ledger = new HostLedger();
    ledger.reserve('a', wanting('web'));
    const refused = codeOf(() => ledger.reserve('b', wanting('web')));
    expect(refused).toMatchObject({ code: 'name_conflict', field: 'name', details: { id: 'a' } });
    expect(ledger.idOfName('web')).toBe('a');
  });

  it('lets an instance keep what it has', () => {
    const ledger = new HostLedger();
    ledger.reserve('a', wanting('web', 25_000));
    expect(portsOf(ledger.reserve('a', wanting('web', 25_000)))).toEqual([25_000]);
  });

  it('takes all or nothing: after a refused port the name is free', () => {
    const ledger = new HostLedger();
    ledger.reserve('a', wanting('web', 25_000));
    const refused = codeOf(() => ledger.reserve('b', wanting('db', 25_001, 25_000)));
    expect(refused).toMatchObject({ code: 'insufficient_resources', field: 'network.ports', details: { id: 'a' } });
    expect(ledger.idOfName('db')).toBeUndefined();
    expect(portsOf(ledger.reserve('c', wanting('db', 25_001)))).toEqual([25_001]);
  });

  it('refuses one definition that names a port twice', () => {
    const refused = codeOf(() => new HostLedger().reserve('a', wanting('web', 25_000, 25_000)));
    expect(refused).toMatchObject({ code: 'insufficient_resources' });
  });

  it('gives out ports of its range that nobody has, each once', () => {
    const ledger = new HostLedger({ first: 100, last: 103 });
    ledger.reserve('a', wanting('a', 101));
    expect(portsOf(ledger.reserve('b', wanting('b', 0, 0, 0)))).toEqual([100, 102, 103]);
    expect(codeOf(() => ledger.reserve('c', wanting('c', 0)))).toMatchObject({ code: 'insufficient_resources' });
  });

  it('gives out no port that others on this host listen on, and asks anew each time', () => {
    const busy = new Set([100, 101]);
    const ledger = new HostLedger({ first: 100, last: 103 }, undefined, () => busy);
    expect(portsOf(ledger.reserve('a', wanting('a', 0)))).toEqual([102]);
    busy.delete(101);
    expect(portsOf(ledger.reserve('b', wanting('b', 0, 0)))).toEqual([103, 101]);
    expect(codeOf(() => ledger.reserve('c', wanting('c', 0)))).toMatchObject({ code: 'insufficient_resources' });
  });

  it('gives what was released to the next one', () => {
    const ledger = new HostLedger({ first: 100, last: 100 });
    const reserved = ledger.reserve('a', wanting('web', 0));
    ledger.release('a', reserved);
    expect(portsOf(ledger.reserve('b', wanting('web', 0)))).toEqual([100]);
  });

  it('does not release what another instance holds by now', () => {
    const ledger = new HostLedger();
    const held = ledger.reserve('a', wanting('web', 25_000));
    ledger.release('b', held);
    expect(ledger.idOfName('web')).toBe('a');
    expect(codeOf(() => ledger.reserve('c', wanting('db', 25_000)))).toMatchObject({ code: 'insufficient_resources' });
  });
});
