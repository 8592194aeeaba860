import type { Definition } from '../../machines/definition.ts';
import { AddressPool } from './address-pool.ts';
import { StatevisorError } from './errors.ts';

/**
 * What concerns more than one instance, in memory: names, ports and addresses. A fold of all heads. Reserving is synchronous and
 * happens before the append; a failed append releases.
 */

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Ports given out when a definition leaves the host's side open. Below the range the kernel picks from itself. */
export const PORT_RANGE_DEFAULT: PortRange = { first: 20_000, last: 29_999 };

export class HostLedger {
  readonly #names = new Map<string, string>();
  readonly #ports = new Map<number, string>();
  readonly #range: PortRange;
  readonly #addresses: AddressPool;
  readonly #busyPorts: () => ReadonlySet<number>;
  #nextPort: number;

  /** `busyPorts`: those that others on this host listen on right now; none of them is given out. */
  constructor(
    range: PortRange = PORT_RANGE_DEFAULT,
    addresses: AddressPool = new AddressPool(null),
    busyPorts: () => ReadonlySet<number> = () => new Set(),
  ) {
    this.#range = range;
    this.#addresses = addresses;
    this.#busyPorts = busyPorts;
    this.#nextPort = range.first;
  }

  idOfName(name: string): string | undefined {
    return this.#names.get(name);
  }

  /** Takes the name, every port and the address, or nothing; answers the definition with what was left open filled in. */
  reserve(id: string, definition: Definition): Definition {
    const holder = this.#names.get(definition.name);
    if (holder !== undefined && holder !== id) {
      throw new StatevisorError('name_conflict', `The name ${definition.name} is taken.`, {
        field: 'name',
        details: { id: holder },
      });
    }
    const ports: { host_port: number; guest_port: number }[] = [];
    const isLeftOpen = definition.network.ports.some(({ host_port }) => host_port === 0);
    const busy = isLeftOpen ? this.#busyPorts() : new Set<number>();
    for (const port of definition.network.ports) {
      const host_port = port.host_port === 0 ? this.#freePort(ports, busy) : port.host_port;
      const taken = this.#ports.get(host_port);
      if ((taken !== undefined && taken !== id) || ports.some((other) => other.host_port === host_port)) {
        throw new StatevisorError('insufficient_resources', `Host port ${host_port} is taken.`, {
          field: 'network.ports',
          details: taken === undefined ? {} : { id: taken },
        });
      }
      ports.push({ ...port, host_port });
    }
    const network = this.#addresses.choose(id, { ...definition.network, ports });
    this.#names.set(definition.name, id);
    this.#addresses.hold(id, network);
    for (const port of ports) this.#ports.set(port.host_port, id);
    return { ...definition, network };
  }

  release(id: string, definition: Definition): void {
    if (this.#names.get(definition.name) === id) this.#names.delete(definition.name);
    this.#addresses.release(id, definition.network);
    for (const { host_port } of definition.network.ports) {
      if (this.#ports.get(host_port) === id) this.#ports.delete(host_port);
    }
  }

  #freePort(chosen: readonly { host_port: number }[], busy: ReadonlySet<number>): number {
    const { first, last } = this.#range;
    for (let tries = first; tries <= last; tries++) {
      const port = this.#nextPort;
      this.#nextPort = port >= last ? first : port + 1;
      const isTaken = this.#ports.has(port) || busy.has(port);
      if (!isTaken && !chosen.some((other) => other.host_port === port)) return port;
    }
    throw new StatevisorError('insufficient_resources', `All host ports from ${first} to ${last} are taken.`, {
      field: 'network.ports',
    });
  }
}

/** Id by exact id, exact name, or unique prefix of an id, in that order. Throws not_found or ambiguous. */
export function resolveId(text: string, known: ReadonlySet<string>, ledger: HostLedger): string {
  if (known.has(text)) return text;
  const named = ledger.idOfName(text);
  if (named !== undefined) return named;
  const matches = text === '' ? [] : [...known].filter((id) => id.startsWith(text));
  if (matches.length === 1) return matches[0]!;
  if (matches.length === 0) throw new StatevisorError('not_found', `There is no instance ${text}.`);
  throw new StatevisorError('ambiguous', `${matches.length} instances have an id that begins with ${text}.`);
}
