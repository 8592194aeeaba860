import { createHash } from 'node:crypto';

/**
 * How what this adapter makes is named and recognised. Names have room for 15 characters, so the alias of a device says
 * whose it is: `statevisor:OWNER` for the bridge, `statevisor:OWNER:INSTANCE` for a tap. The owner is the data directory,
 * not the host: two daemons do not take each other's devices.
 */

const SIGN = 'statevisor';
const TAP_BEGIN = 'sv';
/** Of an id the end: its beginning is a time that many have in common. */
const TAP_ID_CHARACTERS = 13;

export const TABLE = SIGN;

export function tapName(instance: string): string {
  return `${TAP_BEGIN}${instance.slice(-TAP_ID_CHARACTERS)}`;
}

/**
 * Of the tap on the host's side. Fixed, as is the bridge's: a guest that is restored still has the hardware addresses it
 * knew, and would wait for its own time limits with others.
 */
export function tapMac(guestMac: string): string {
  return `06:${guestMac.slice(3)}`;
}

/** Set when the bridge is made, in one step with it; so a bridge whose alias is not there yet is recognised too. */
export function bridgeMac(owner: string): string {
  const octets = createHash('sha256').update(owner).digest('hex').match(/../g) ?? [];
  return ['02', '42', ...octets.slice(0, 4)].join(':');
}

export function bridgeAlias(owner: string): string {
  return `${SIGN}:${owner}`;
}

export function tapAlias(owner: string, instance: string): string {
  return `${SIGN}:${owner}:${instance}`;
}

/** The instance whose tap of this owner carries the alias; null when it is another's. */
export function instanceOfAlias(owner: string, alias: string | null): string | null {
  const begin = `${bridgeAlias(owner)}:`;
  return alias?.startsWith(begin) === true ? alias.slice(begin.length) : null;
}
