import { type Checked, check, dueOf } from './expectations.ts';
import { performLine } from './perform-line.ts';
import type { Scenario } from './scenario.ts';
import { advanceTo, offsetOf, type Stage, setStage, settle, startDaemon } from './stage.ts';

export interface ScenarioRun {
  readonly stage: Stage;
  /** In the order of the file. */
  readonly checked: readonly Checked[];
}

/**
 * Runs a scenario to its end. At one instant come timers first, then the daemon that comes back, then the lines of the
 * timeline in the order of the file, each with all that follows from it at once, and then expectations.
 */
export async function runScenario(scenario: Scenario, recordsMax?: number): Promise<ScenarioRun> {
  const { timeline, untilMs } = scenario;
  const stage = await setStage(scenario, recordsMax);
  const expected = scenario.expectations.map((expectation) => ({ expectation, due: dueOf(expectation, untilMs) }));
  const checked: Checked[] = [];
  let nextLine = 0;
  let daemonBackAt: number | null = null;
  for (const instant of instantsOf(scenario, expected)) {
    await advanceTo(stage, instant);
    if (daemonBackAt !== null && daemonBackAt <= instant) {
      await bringBack(stage);
      daemonBackAt = null;
    }
    for (let line = timeline[nextLine]; line !== undefined && line.at <= instant; line = timeline[nextLine]) {
      nextLine += 1;
      await performLine(stage, line);
      const down = line.kind === 'daemon' || line.kind === 'host' ? line.down : null;
      if (down === 0) await bringBack(stage);
      else if (down !== null) daemonBackAt = line.at + down;
    }
    for (const { expectation, due } of expected) {
      if (due === instant) checked.push(await check(stage, expectation));
    }
  }
  checked.sort((a, b) => a.expectation.index - b.expectation.index);
  return { stage, checked };
}

async function bringBack(stage: Stage): Promise<void> {
  stage.moments.push({ kind: 'said', at: offsetOf(stage), name: null, text: 'the daemon is back' });
  await startDaemon(stage);
  await settle(stage);
}

/** Every offset at which something is to be done or looked at, ascending. */
function instantsOf({ timeline, untilMs }: Scenario, expected: readonly { readonly due: number }[]): number[] {
  const back = timeline.flatMap((line) =>
    line.kind === 'daemon' || line.kind === 'host' ? [line.at + line.down] : [],
  );
  const all = [...timeline.map(({ at }) => at), ...back, ...expected.map(({ due }) => due), untilMs];
  return [...new Set(all)].filter((offset) => offset <= untilMs).sort((a, b) => a - b);
}
