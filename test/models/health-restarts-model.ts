import { BudgetModel, type Policy } from './budget-model.ts';

/**
 * What verdicts add to restarts, written without a look at the chart: a guest that turns unhealthy is owed a restart out
 * of the same budget, not before the stability period is over, until it is healthy again, ends, or somebody cancels.
 * How results of probes become verdicts is the model of thresholds; here one result is one verdict.
 */
export class HealthRestartsModel extends BudgetModel {
  #unhealthySince: number | null = null;
  #isWaived = false;
  /** The last automatic restart of any kind, whatever has opened a new window since. */
  #lastAutomatic: number | null = null;

  unhealthy(): void {
    if (this.vm !== 'up' || this.#unhealthySince !== null) return;
    this.#unhealthySince = this.now;
    this.#isWaived = false;
    this.stableAt = null;
    this.judge();
  }

  /** Also what a changed check is: its window begins without a verdict. */
  notUnhealthy(): void {
    if (this.vm !== 'up' || this.#unhealthySince === null) return;
    this.#unhealthySince = null;
    this.isOverBlock = true;
    this.budget = { ...this.budget, next: null };
    this.openStableWindow();
  }

  get isUnhealthy(): boolean {
    return this.#unhealthySince !== null;
  }

  get waitsFor(): 'backoff' | 'stability_period' {
    return this.isUnhealthy && this.#gateEnd > this.now ? 'stability_period' : 'backoff';
  }

  get #gateEnd(): number {
    const period = this.policy?.stability_period_ms;
    return period === undefined || this.#lastAutomatic === null ? this.now : this.#lastAutomatic + period;
  }

  override start(): void {
    super.start();
    this.#isWaived = false;
    if (this.isUnhealthy) this.judge();
  }

  override update(policy: Policy | null): void {
    super.update(policy);
    if (this.isUnhealthy) this.judge();
  }

  override cancel(): void {
    super.cancel();
    this.#isWaived = true;
  }

  /** What is pending at rest goes on; a guest that runs unhealthy is judged again, in the new window. */
  override reset(): void {
    super.reset();
    if (!this.isUnhealthy) return;
    this.budget = { ...this.budget, next: null };
    this.#isWaived = false;
    this.judge();
  }

  override exit(code: number): void {
    this.#unhealthySince = null;
    super.exit(code);
  }

  protected override shutDown(): void {
    this.#unhealthySince = null;
    super.shutDown();
  }

  protected override failedAt(policy: Policy): number | null {
    if (!this.isUnhealthy) return super.failedAt(policy);
    return this.#isWaived || this.budget.blocked !== null ? null : this.#unhealthySince;
  }

  protected override allowed(notBefore: number): void {
    super.allowed(this.isUnhealthy ? Math.max(notBefore, this.#gateEnd) : notBefore);
  }

  protected override attempt(): void {
    this.#lastAutomatic = this.now;
    super.attempt();
  }
}
