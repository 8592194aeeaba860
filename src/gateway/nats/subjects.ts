/** Subjects of the verbs: a group of them at any daemon, or at the one of a host. */

const PREFIX = 'statevisor.v1';

/** A name as one token of a subject: what may not stand in one is written `_`. */
export function subjectToken(name: string): string {
  return name.replaceAll(/[\s.*>]/g, '_');
}

/** What stands before a verb of this group. */
export function groupPrefix(group: string, host?: string): string {
  return host === undefined ? `${PREFIX}.${group}.` : `${PREFIX}.hosts.${subjectToken(host)}.${group}.`;
}

/** `verb` on instances, at any daemon or at the one of that host. */
export function subjectOf(verb: string, host?: string): string {
  return `${groupPrefix('instances', host)}${verb}`;
}

/** Everything that records of this host go out under. */
export function recordsPrefix(host: string): string {
  return `${PREFIX}.records.${subjectToken(host)}.`;
}
