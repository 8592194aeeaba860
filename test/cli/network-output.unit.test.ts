import { describe, expect, it } from 'vitest';
import { instanceTable, portLines } from '../../src/cli/output.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { networkView } from '../../src/projections/network-view.ts';

function viewOf(name: string, network: InstanceView['network'], image = 'demo'): InstanceView {
  const about = {
    id: `id-${name}`,
    name,
    image,
    network,
    state: 'Running',
    phase: 'running',
    wanted: 'running',
    run: 1,
    health_status: { status: 'disabled', consecutive_successes: 0, consecutive_failures: 0 },
  };
  return about as InstanceView;
}

const bridged = networkView({
  mode: 'bridge',
  enabled: true,
  ports: [],
  address: '10.77.0.2',
  mac: '02:53:0a:4d:00:02',
});
const forwarded = networkView({ enabled: true, ports: [{ host_port: 20_000, guest_port: 80 }] });

describe('how a guest is reached', () => {
  it('is shown with its mode, also where the definition is from before there were modes', () => {
    expect(forwarded).toEqual({ enabled: true, mode: 'user', ports: [{ host_port: 20_000, guest_port: 80 }] });
    expect(bridged).toEqual({
      enabled: true,
      mode: 'bridge',
      ports: [],
      address: '10.77.0.2',
      mac: '02:53:0a:4d:00:02',
    });
  });

  it('stands in the list in a column of its own as soon as one guest is bridged', () => {
    const rows = instanceTable([viewOf('a', bridged), viewOf('b', forwarded)], 0).map((line) => line.split(/ {2,}/));
    expect(rows[0]?.slice(5, 7)).toEqual(['ADDRESS', 'PORTS']);
    expect(rows[1]?.slice(5, 7)).toEqual(['10.77.0.2', '-']);
    expect(rows[2]?.slice(5, 7)).toEqual(['-', '20000->80']);
    expect(instanceTable([viewOf('b', forwarded)], 0)[0]).not.toContain('ADDRESS');
  });

  it('is printed after a run: the page of the demo guest, or the address', () => {
    expect(portLines(viewOf('a', bridged))).toEqual(['  http://10.77.0.2/']);
    expect(portLines(viewOf('a', bridged, 'worker'))).toEqual(['  10.77.0.2']);
    expect(portLines(viewOf('b', forwarded))).toEqual(['  http://127.0.0.1:20000/']);
  });
});
