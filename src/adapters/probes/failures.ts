import type { ProbeResult } from '../../actors/contracts/probe.ts';
import { safeSentence } from '../../actors/contracts/safe-sentence.ts';

/**
 * Which errors of a connection say something about the guest, and which about this host. docs/reference/probes.md holds
 * the same tables with the reasons. Messages of libraries are never shown: guests choose parts of them.
 */

/** The host could not ask. Whenever they come they say nothing about the guest. */
export const HOSTS_OWN: Readonly<Record<string, string>> = {
  EMFILE: 'this process has no file descriptor left',
  ENFILE: 'this host has no file descriptor left',
  ENOBUFS: 'the kernel has no buffer left for a connection',
  ENOMEM: 'the kernel has no memory left for a connection',
  EADDRNOTAVAIL: 'this host has no free port, or no address, to connect from',
  EADDRINUSE: 'this host has no free port to connect from',
  EAGAIN: 'this host has no free port to connect from',
  ENETUNREACH: "this host has no route to the guest's network",
  ENETDOWN: "this host's side of the guest's network is down",
  EAFNOSUPPORT: 'this host does not speak the protocol of that address',
  EACCES: 'this host forbids the connection',
  EPERM: 'this host forbids the connection',
  EINVAL: 'the connection is not possible from this host',
};

/** What the guest, or its absence, answered before the connection stood. Other errors then are the host's. */
export const REFUSALS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset before it stood',
  ETIMEDOUT: 'the guest did not answer',
  EHOSTUNREACH: 'the guest does not answer on its network',
  EHOSTDOWN: 'the guest does not answer on its network',
};

/** What happened to a connection that stood. Whatever else does is the guest's doing too. */
export const BREAKS: Readonly<Record<string, string>> = {
  ECONNRESET: 'the connection was closed before an answer',
  EPIPE: 'the connection was closed before an answer',
  ETIMEDOUT: 'the guest no longer answers',
  EHOSTUNREACH: 'the guest no longer answers on its network',
  HPE_HEADER_OVERFLOW: 'the head of the answer is too large',
  EPROTO: 'TLS could not be agreed on',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is signed by nobody this host trusts',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate is signed by nobody this host trusts',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate is signed by nobody this host trusts',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is signed by nobody this host trusts',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the answer is not TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the answer is not TLS',
};

const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^HPE_/, 'the answer is not HTTP'],
  [/^(ERR_SSL_|ERR_TLS_|ERR_OSSL_)/, 'TLS could not be agreed on'],
  [/CERT|CRL|ISSUER|PURPOSE|CA\b|CHAIN/, 'the certificate is not valid'],
];

/** Codes are constants of Node and its libraries; anything else that stands in their place is not shown. */
const CODE = /^[A-Z][A-Z0-9_]{1,63}$/;

export function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && CODE.test(code) ? code : 'no code';
}

/** `stood`: whether the connection had been made. */
export function verdictOn(error: unknown, stood: boolean): ProbeResult {
  const code = codeOf(error);
  const own = HOSTS_OWN[code];
  if (own !== undefined) return { result: 'unavailable', error: `${own} (${code})` };
  if (stood) return { result: 'failed', error: `${breakOf(code)} (${code})` };
  const refusal = REFUSALS[code];
  if (refusal !== undefined) return { result: 'failed', error: `${refusal} (${code})` };
  return { result: 'unavailable', error: `the connection could not be tried (${code})` };
}

function breakOf(code: string): string {
  const said = BREAKS[code] ?? FAMILIES.find(([family]) => family.test(code))?.[1];
  return said ?? 'the connection broke before an answer';
}

/** A prober that throws is broken, which says nothing about the guest. */
export function brokenProber(error: unknown): ProbeResult {
  const said = error instanceof Error ? error.message : String(error);
  return { result: 'unavailable', error: safeSentence(`the prober failed: ${said}`) };
}
