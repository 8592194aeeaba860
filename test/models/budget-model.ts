/**
 * What the reference says of restarts, in as few words as it takes, written without a look at the chart: one instance
 * that runs, ends, and is started again under a policy. Times are wall-clock ms; guests live by the monotonic clock, which
 * is `skew` behind.
 */

export interface Policy {
  readonly policy: 'on_failure' | 'always';
  readonly backoff_ms: number;
  readonly backoff_max_ms?: number;
  readonly delays_ms?: number[];
  readonly exit_codes?: { readonly restart?: number[]; readonly never?: number[] };
  readonly max_attempts: number;
  readonly stable_after_ms: number;
  readonly stability_period_ms?: number;
}

export const BOOT_MS = 1_000;
export const SHUTDOWN_MS = 500;

export interface Budget {
  readonly attempts: number;
  readonly last: number | null;
  readonly next: number | null;
  readonly blocked: 'max_attempts_exceeded' | 'manual_stop' | null;
}

const FRESH: Budget = { attempts: 0, last: null, next: null, blocked: null };
const STOPPED: Budget = { ...FRESH, blocked: 'manual_stop' };

/** Fixed delays count from the attempt before, all others from the failure; the first attempt waits for nothing. */
function dueAt(policy: Policy, { attempts, last }: Budget, failedAt: number): number {
  const { backoff_ms, backoff_max_ms: max, delays_ms: list } = policy;
  if (attempts === 0 || last === null) return failedAt;
  if (list !== undefined) return failedAt + list[Math.min(attempts, list.length) - 1]!;
  return max === undefined ? last + backoff_ms : failedAt + Math.min(backoff_ms * 2 ** (attempts - 1), max);
}

function isFailure({ policy, exit_codes: rules }: Policy, code: number): boolean {
  if (rules?.never?.includes(code)) return false;
  return policy === 'always' || code !== 0 || rules?.restart?.includes(code) === true;
}

export class BudgetModel {
  now: number;
  #skew = 0;
  policy: Policy | null;
  wanted: 'running' | 'stopped' = 'running';
  vm: 'off' | 'booting' | 'up' | 'stopping' = 'off';
  budget = FRESH;
  /** What the budget says of a block is about the last failure: a guest that is healthy again has got over it, and may end in order. */
  protected isOverBlock = false;
  boots = 0;
  #thenBoot = false;
  /** Monotonic: ready, or off. */
  #guestDue: number | null = null;
  /** Wall: the stable window closes. */
  protected stableAt: number | null = null;
  /** How the last run ended, when nobody asked for it and nobody has waived what would follow. */
  #unplanned: { readonly code: number; readonly at: number } | null = null;

  constructor(now: number, policy: Policy | null) {
    this.now = now;
    this.policy = policy;
    this.#boot();
  }

  /** Lets time pass: everything that falls due happens at its own instant, in order. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (let due = this.#firstDue(); due !== null && due <= end; due = this.#firstDue()) {
      this.now = Math.max(this.now, due);
      this.#happen();
    }
    this.now = end;
  }

  /** Nobody is there to act for this long; whatever fell due meanwhile is late. Only for an instance without a VM. */
  blackout(ms: number): void {
    this.now += ms;
    this.advance(0);
  }

  /** The wall clock alone; what it makes overdue is noticed within the given time, at an instant nobody foretells. */
  step(ms: number, noticedWithin: number): void {
    this.now += ms;
    this.#skew += ms;
    this.advance(noticedWithin);
  }

  start(): void {
    this.wanted = 'running';
    this.budget = FRESH;
    this.stableAt = null;
    this.#unplanned = null;
    if (this.vm === 'off') this.#boot();
    if (this.vm === 'stopping') this.#thenBoot = true;
  }

  restart(): void {
    if (this.vm === 'up') this.shutDown();
    this.start();
  }

  stop(): void {
    this.wanted = 'stopped';
    this.budget = STOPPED;
    this.stableAt = null;
    this.#unplanned = null;
    if (this.vm === 'up') this.shutDown();
    this.#thenBoot = false;
  }

  exit(code: number): void {
    this.vm = 'off';
    this.stableAt = null;
    this.budget = { ...this.budget, next: null };
    this.#unplanned = { code, at: this.now };
    this.judge();
  }

  update(policy: Policy | null): void {
    this.policy = policy;
    if (this.wanted === 'stopped') return;
    this.budget = FRESH;
    this.stableAt = null;
    if (this.vm === 'off' && this.#unplanned !== null) this.judge();
  }

  get pending(): boolean {
    return this.budget.next !== null;
  }

  cancel(): void {
    this.budget = { ...this.budget, next: null };
    this.#unplanned = null;
  }

  /** A new window without a start: what is pending goes on, a block is lifted, and nothing is started. */
  reset(): void {
    if (this.budget.blocked !== null && !this.isOverBlock) this.#unplanned = null;
    this.budget = { ...FRESH, next: this.budget.next };
    this.stableAt = null;
  }

  #firstDue(): number | null {
    const guest = this.#guestDue === null ? null : this.#guestDue + this.#skew;
    const dues = [guest, this.budget.next, this.stableAt].filter((due) => due !== null);
    return dues.length === 0 ? null : Math.min(...dues);
  }

  #happen(): void {
    if (this.#guestDue !== null && this.#guestDue + this.#skew <= this.now) this.#guestDone();
    else if (this.budget.next !== null && this.budget.next <= this.now) this.attempt();
    else if (this.stableAt !== null && this.stableAt <= this.now) {
      this.budget = FRESH;
      this.stableAt = null;
    }
  }

  #guestDone(): void {
    this.#guestDue = null;
    if (this.vm === 'booting') {
      this.vm = 'up';
      this.openStableWindow();
      return;
    }
    this.vm = 'off';
    if (this.#thenBoot) this.#boot();
    this.#thenBoot = false;
  }

  protected openStableWindow(): void {
    if (this.budget.attempts > 0) this.stableAt = this.now + (this.policy?.stable_after_ms ?? 0);
  }

  /** When that happened to which a restart is owed. */
  protected failedAt(policy: Policy): number | null {
    return this.#unplanned !== null && isFailure(policy, this.#unplanned.code) ? this.#unplanned.at : null;
  }

  protected judge(): void {
    const { policy } = this;
    const failedAt = policy && this.failedAt(policy);
    if (policy === null || failedAt === null) return;
    if (policy.max_attempts > 0 && this.budget.attempts >= policy.max_attempts) {
      this.budget = { ...this.budget, blocked: 'max_attempts_exceeded' };
      this.isOverBlock = false;
      return;
    }
    this.allowed(dueAt(policy, this.budget, failedAt));
  }

  protected allowed(notBefore: number): void {
    if (notBefore > this.now) this.budget = { ...this.budget, next: notBefore };
    else this.attempt();
  }

  protected attempt(): void {
    this.budget = { ...FRESH, attempts: this.budget.attempts + 1, last: this.now };
    if (this.vm === 'up') this.shutDown();
    if (this.vm === 'stopping') this.#thenBoot = true;
    else this.#boot();
  }

  #boot(): void {
    this.vm = 'booting';
    this.boots += 1;
    this.#unplanned = null;
    this.#guestDue = this.now - this.#skew + BOOT_MS;
  }

  protected shutDown(): void {
    this.vm = 'stopping';
    this.#guestDue = this.now - this.#skew + SHUTDOWN_MS;
  }
}
