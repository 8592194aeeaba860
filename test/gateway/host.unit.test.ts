/** Goal: a reader of /v1/host sees every part of the daemon, whatever state one of them is in. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StatevisorError } from '../../src/actors/errors.ts';
import { createHostSections, type HostSections } from '../../src/gateway/host-sections.ts';
import type { HostUseCases } from '../../src/gateway/use-cases/contract.ts';
import { createHostUseCases, hostVerbNamed } from '../../src/gateway/use-cases/use-cases.ts';
import { gatewayScene, HOST, OPERATOR, type Scene } from './gateway-scene.ts';

let scene: Scene;
let sections: HostSections;
let host: HostUseCases;

beforeEach(async () => {
  scene = await gatewayScene();
  sections = createHostSections();
  host = createHostUseCases({ ...scene, sections, host: HOST, version: '1.2.3' });
});
afterEach(() => scene.close());

describe('the status of the host', () => {
  test('shows every section under its name beside host, version and the number of instances', async () => {
    await scene.running('web');
    sections.add('log', () => ({ survives: 'os' }));
    const { status, body, host: answering } = await host.status({}, OPERATOR);
    expect({ status, answering }).toEqual({ status: 200, answering: HOST });
    expect(body).toEqual({ host: HOST, version: '1.2.3', instances: 1, log: { survives: 'os' } });
  });

  test('a section that fails says so and takes no other one with it', async () => {
    sections.add('nats', () => {
      throw new Error('no connection yet');
    });
    sections.add('log', () => 'in order');
    const { body } = await host.status({}, OPERATOR);
    expect(body).toMatchObject({ nats: { error: 'no connection yet' }, log: 'in order' });
  });

  test('two parts cannot take the same name', () => {
    sections.add('log', () => null);
    expect(() => sections.add('log', () => null)).toThrow('The host section log exists already.');
  });

  test('a field it does not know is refused by name', async () => {
    await expect(host.status({ deep: true }, OPERATOR)).rejects.toMatchObject({
      code: 'invalid_request',
      field: 'deep',
    });
  });

  test('who may not read does not see it', async () => {
    await expect(host.status({}, { ...OPERATOR, scopes: [] })).rejects.toMatchObject({ code: 'forbidden' });
  });
});

test('a verb on the host that does not exist is refused with those that do', () => {
  expect(() => hostVerbNamed('explode')).toThrow(StatevisorError);
  expect(hostVerbNamed('status')).toBe('status');
});
