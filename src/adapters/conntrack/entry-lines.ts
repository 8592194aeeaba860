import { type Protocol, TCP_STATES } from '../../actors/contracts/counted-connections.ts';
import { type AddressKey, keysOfText, textOfKey } from './addresses.ts';
import { type Change, type KernelEntry, keyOfTuple } from './kernel-table.ts';
import { hasPorts, protocolOf } from './protocols.ts';

/** Entries as the tool `conntrack` and the file `/proc/net/nf_conntrack` write them, one a line. */

/** What they write is shorter; a longer line is not looked at. */
export const LINE_MAX_CHARACTERS = 1_024;
/** `other`: an entry that concerns nobody here. */
export type ReadLine = { readonly entry: KernelEntry; readonly change: Change } | 'other' | 'garbage';

/**
 * Time of an event, its kind, the family in the file, then the protocol with its number, the time it has left, its state,
 * and what else is said before the addresses.
 */
const LINE =
  /^\s*(?:\[(\d+)\.(\d{1,6})\]\s+)?(?:\[(NEW|UPDATE|DESTROY)\]\s+)?(?:ipv[46]\s+\d+\s+)?[a-z]+[a-z0-9]*\s+(\d+)\s+(?:(\d+)\s+)?(?:([A-Z_0-9]+)\s+)?(?:[a-z_]+=\d+,?\s+)*(?=src=)(.*)$/;
const FIELD = /(?<=\s|^)(src|dst|sport|dport|srckey|dstkey|id|zone|zone-orig)=(\S+)/g;

type Fields = Readonly<Record<string, readonly string[]>>;

export function readLine(line: string, concerns: (address: AddressKey) => boolean): ReadLine {
  const match = line.length > LINE_MAX_CHARACTERS ? null : LINE.exec(line);
  if (match === null) return 'garbage';
  const [, seconds, micros = '', kind, number, timeout, state, rest = ''] = match;
  const fields: Record<string, string[]> = {};
  for (const [, name = '', value = ''] of rest.matchAll(FIELD)) fields[name] = [...(fields[name] ?? []), value];
  const guest = addressIn(fields, 'src', 1);
  if (guest === null) return 'garbage';
  const protocol = protocolOf(Number(number));
  if (protocol === null || !concerns(guest)) return 'other';
  const entry = entryOf(fields, protocol, guest, {
    timeout_s: timeout === undefined ? null : Number(timeout),
    tcp_state: protocol === 'tcp' ? stateOf(state) : null,
    occurred_at: seconds === undefined ? null : Math.floor(Number(`${seconds}.${micros}`) * 1_000),
  });
  return entry === null ? 'garbage' : { entry, change: kind === 'DESTROY' ? 'destroyed' : 'present' };
}

function entryOf(
  fields: Fields,
  protocol: Protocol,
  guest: AddressKey,
  told: Pick<KernelEntry, 'timeout_s' | 'tcp_state' | 'occurred_at'>,
): KernelEntry | null {
  const [source, destination] = [addressIn(fields, 'src', 0), addressIn(fields, 'dst', 0)];
  const sourcePort = portIn(fields, ['sport', 'srckey'], 0, protocol);
  const destinationPort = portIn(fields, ['dport', 'dstkey'], 0, protocol);
  const port = portIn(fields, ['sport', 'srckey'], 1, protocol);
  if (source === null || destination === null) return null;
  if (sourcePort === null || destinationPort === null || port === null) return null;
  const zones = { zone: numberIn(fields, 'zone', 0) ?? 0, original_zone: numberIn(fields, 'zone-orig', 0) ?? 0 };
  const ports = { source_port: sourcePort, destination_port: destinationPort };
  const tuple = { source, destination, protocol, ...ports, ...zones };
  return {
    key: keyOfTuple(tuple),
    tuple,
    guest,
    protocol,
    original: { source: textOfKey(source), source_port: sourcePort },
    reply: { source: textOfKey(guest), source_port: port },
    id: numberIn(fields, 'id', 0),
    ...told,
  };
}

/** A word that is no state known here is one that is not known: it counts. */
function stateOf(word: string | undefined): number | null {
  const state = (TCP_STATES as readonly (string | undefined)[]).indexOf(word);
  return state < 0 ? null : state;
}

function addressIn(fields: Fields, name: string, index: number): AddressKey | null {
  return keysOfText(fields[name]?.[index] ?? '')[0] ?? null;
}

/** A port, or the key of GRE in its place; 0 where a protocol has neither. */
function portIn(fields: Fields, names: readonly string[], index: number, protocol: Protocol): number | null {
  const text = names.flatMap((name) => fields[name] ?? [])[index];
  if (text === undefined) return hasPorts(protocol) ? null : 0;
  return /^(\d{1,5}|0x[\da-f]{1,8})$/.test(text) ? Number(text) : null;
}

function numberIn(fields: Fields, name: string, index: number): number | null {
  const text = fields[name]?.[index];
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null;
}
