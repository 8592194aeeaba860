import { z } from 'zod';
import { parseDuration } from '../../../machines/duration.ts';
import {
  RESTARTS_MAX,
  RESTARTS_PER_MAX_MS,
  RESTARTS_PER_MIN_MS,
  type RestartLimit,
} from '../../actors/restart-budget.ts';
import { option } from './option.ts';

/** The setting about how many automatic restarts the whole host makes in a stretch of time. */

export const RESTART_BUDGET_EXPECTS = `off, or a number from 1 to ${RESTARTS_MAX} per a time from 1s to 24h, for example 20/1m`;

export const restartBudgetOption = option({
  schema: z.string().transform((text, context) => (text === 'off' ? null : restartBudget(text, context))),
  default: 'off',
  placeholder: 'limit',
  about: 'automatic restarts of all VMs together in any stretch of time, or off',
  expects: RESTART_BUDGET_EXPECTS,
});

/** `20/1m`: twenty in any minute. */
export function restartBudget(text: string, context: z.RefinementCtx): RestartLimit {
  const [, count, time] = /^(\d{1,5})\/(\S+)$/.exec(text) ?? [];
  const [restarts, per_ms] = [Number(count), time === undefined ? null : parseDuration(time)];
  const inBounds = per_ms !== null && per_ms >= RESTARTS_PER_MIN_MS && per_ms <= RESTARTS_PER_MAX_MS;
  if (inBounds && restarts >= 1 && restarts <= RESTARTS_MAX) return { restarts, per_ms };
  context.addIssue({ code: 'custom', message: `must be ${RESTART_BUDGET_EXPECTS}` });
  return z.NEVER;
}
