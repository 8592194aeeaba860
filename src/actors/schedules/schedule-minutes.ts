import type { CancelTimer, Clock } from '../contracts/clock.ts';
import { type Cron, MINUTE_MS, parseCron, startOfMinute } from './cron.ts';
import { everyMinute } from './every-matching-minute.ts';

/**
 * Tells instances the minutes that their schedules name. One timer looks at the beginning of each minute while anybody has
 * a schedule, and asks each different expression once; instances without one are not looked at. What comes of a minute is
 * up to the chart, which remembers the last one it heard of each schedule: none is told twice, whatever the wall clock does
 * and however often the daemon is started.
 */

/** A minute that nobody could be told when it came, because the daemon was down or the machine slept, is told so much later. */
export const MINUTE_MADE_UP_WITHIN_MS = 10 * MINUTE_MS;
/** The latest of those that are older than that is told as missed, unless it is older than this. */
export const MISSED_TOLD_WITHIN_MS = 7 * 24 * 60 * MINUTE_MS;
/** Instances told in one turn of the event loop: each may have to be read from the log. */
const TOLD_IN_A_TURN = 256;

export interface GivenSchedule {
  readonly cron: string;
  readonly time_zone: string;
}

/** What an instance's definition names, and the last minute that its chart has heard of each. */
export interface GivenSchedules<Name extends string> {
  readonly schedules: Readonly<Partial<Record<Name, GivenSchedule>>>;
  readonly heard: Readonly<Partial<Record<Name, number | null>>>;
  /** Those that ask for what is so already: their minutes pass untold. */
  readonly fulfilled: readonly Name[];
}

export interface ScheduleMinutesOptions<Name extends string> {
  readonly clock: Clock;
  /** `isMissed`: nothing is to come of it. */
  readonly deliver: (instance: string, schedule: Name, minute: number, isMissed: boolean) => void;
  readonly report: (instance: string, message: string) => void;
}

interface Due<Name> {
  readonly member: Member<Name>;
  readonly minute: number;
  readonly isMissed: boolean;
}

interface Member<Name> {
  readonly instance: string;
  readonly schedule: Name;
  /** The latest minute it was told, or has heard of before. */
  last: number;
}

/** All schedules with the same expression and time zone. */
interface Group<Name> {
  readonly cron: Cron;
  readonly members: Set<Member<Name>>;
  /** What was found last of minutes too old to be made up for: after a start all members ask the same. */
  missed: { readonly before: number; readonly minute: number | null } | null;
}

interface Kept<Name> {
  /** What it was made from: the same again changes nothing. */
  readonly key: string;
  readonly joined: readonly { readonly groupKey: string; readonly member: Member<Name> }[];
  fulfilled: readonly Name[];
}

export class ScheduleMinutes<Name extends string> {
  readonly #options: ScheduleMinutesOptions<Name>;
  readonly #groups = new Map<string, Group<Name>>();
  readonly #kept = new Map<string, Kept<Name>>();
  #lookedAt = 0;
  #stop: CancelTimer | null = null;
  #closed = false;

  constructor(options: ScheduleMinutesOptions<Name>) {
    this.#options = options;
  }

  /** How many instances have a schedule. */
  get size(): number {
    return this.#kept.size;
  }

  /** Called after each record with what it says; null: there is no schedule, or no instance any more. */
  derive(instance: string, given: GivenSchedules<Name> | null): void {
    const key = given === null ? null : JSON.stringify(given.schedules);
    const kept = this.#kept.get(instance);
    if (kept !== undefined && given !== null) kept.fulfilled = given.fulfilled;
    if (this.#closed || (kept?.key ?? null) === key) return;
    if (kept !== undefined) this.#leave(instance, kept);
    if (given !== null) this.#join(instance, key!, given);
    this.#keepLooking();
  }

  close(): void {
    this.#closed = true;
    this.#stop?.();
    this.#stop = null;
    this.#groups.clear();
    this.#kept.clear();
  }

  #join(instance: string, key: string, { schedules, heard, fulfilled }: GivenSchedules<Name>): void {
    const joined: Kept<Name>['joined'][number][] = [];
    for (const [schedule, given] of Object.entries(schedules) as [Name, GivenSchedule | undefined][]) {
      if (given === undefined) continue;
      const groupKey = `${given.cron}\n${given.time_zone}`;
      const group = this.#groups.get(groupKey) ?? this.#groupOf(instance, given);
      if (group === null) continue;
      const member: Member<Name> = { instance, schedule, last: heard[schedule] ?? 0 };
      group.members.add(member);
      this.#groups.set(groupKey, group);
      joined.push({ groupKey, member });
    }
    this.#kept.set(instance, { key, joined, fulfilled });
    this.#makeUp(joined);
  }

  #leave(instance: string, { joined }: Kept<Name>): void {
    for (const { groupKey, member } of joined) {
      const group = this.#groups.get(groupKey);
      group?.members.delete(member);
      if (group?.members.size === 0) this.#groups.delete(groupKey);
    }
    this.#kept.delete(instance);
  }

  /** What was recorded under another version of the time zones may not be understood any more: the others go on. */
  #groupOf(instance: string, { cron, time_zone }: GivenSchedule): Group<Name> | null {
    const parsed = parseCron(cron, time_zone);
    if (parsed.ok) return { cron: parsed.cron, members: new Set(), missed: null };
    this.#options.report(instance, `A schedule of this instance is left out: ${parsed.field} ${parsed.message}.`);
    return null;
  }

  #keepLooking(): void {
    if (this.#kept.size === 0) {
      this.#stop?.();
      this.#stop = null;
    } else this.#stop ??= everyMinute(this.#options.clock, (minute) => this.#look(minute));
  }

  /** The minutes since the last look; after a long sleep only the latest of them, and only those of late. */
  #look(minute: number): void {
    // A clock that was set back shows minutes again: whoever was told them is not told again.
    const from = this.#lookedAt < minute ? this.#lookedAt + MINUTE_MS : minute;
    const since = Math.max(from, minute - MINUTE_MADE_UP_WITHIN_MS);
    this.#lookedAt = minute;
    const due: Due<Name>[] = [];
    for (const group of this.#groups.values()) {
      const latest = group.cron.latestMatch(since, minute);
      const missed = latest === null && from < since ? missedBefore(group, since) : null;
      const told = latest ?? missed;
      if (told === null || told < from) continue;
      for (const member of group.members) due.push({ member, minute: told, isMissed: latest === null });
    }
    void this.#tell(due);
  }

  /** What came while nobody was there to hear it, up to the minute that has begun. */
  #makeUp(joined: Kept<Name>['joined']): void {
    const minute = startOfMinute(this.#options.clock.now());
    if (this.#stop === null) this.#lookedAt = minute;
    const due = joined.flatMap(({ groupKey, member }): Due<Name>[] => {
      const group = this.#groups.get(groupKey)!;
      const from = Math.max(member.last + 1, minute - MINUTE_MADE_UP_WITHIN_MS);
      const latest = group.cron.latestMatch(from, Math.min(minute, this.#lookedAt));
      if (latest !== null) return [{ member, minute: latest, isMissed: false }];
      // Of one that has never heard any it is not known since when its minutes count.
      const missed = member.last === 0 ? null : missedBefore(group, minute - MINUTE_MADE_UP_WITHIN_MS);
      return missed === null ? [] : [{ member, minute: missed, isMissed: true }];
    });
    void this.#tell(due);
  }

  async #tell(due: readonly Due<Name>[]): Promise<void> {
    let told = 0;
    for (const { member, minute, isMissed } of due) {
      const kept = this.#kept.get(member.instance);
      if (this.#closed || minute <= member.last || kept === undefined) continue;
      member.last = minute;
      if (kept.fulfilled.includes(member.schedule)) continue;
      this.#options.deliver(member.instance, member.schedule, minute, isMissed);
      told += 1;
      if (told % TOLD_IN_A_TURN === 0) await this.#options.clock.turn();
    }
  }
}

/** The latest minute before this one that is neither older than is told. */
function missedBefore<Name>(group: Group<Name>, before: number): number | null {
  if (group.missed?.before !== before) {
    group.missed = { before, minute: group.cron.latestMatch(before - MISSED_TOLD_WITHIN_MS, before - 1) };
  }
  return group.missed.minute;
}
