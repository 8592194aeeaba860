import { openSickWard } from './sick-guests.ts';
import { momentsOfRestart, stopAtEach, stopInBackoff, type Upset, written } from './stop-at.ts';

/**
 * Stops a real guest at every fault point that a restart passes, from its cause over the end of the old run to the boot of the
 * next, and in a backoff: for the sake of health, and after a crash. One guest for each of them.
 */

const AT_ONCE = 4;
const UPSETS: readonly Upset[] = ['sick', 'crashed'];

const ward = await openSickWard();
try {
  for (const how of UPSETS) {
    const moments = await momentsOfRestart(ward, how);
    await stopAtEach(ward, moments, AT_ONCE, how);
    await Promise.all([stopInBackoff(ward, 'waiting', how), stopInBackoff(ward, 'over', how)]);
    console.log(
      `${how}: stopped in a backoff, when it was over, and at each of these, and stayed stopped:\n${moments.map((one) => `  ${written(one)}`).join('\n')}`,
    );
  }
} finally {
  await ward.close();
}
