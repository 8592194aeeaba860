import { openSickWard } from './sick-guests.ts';
import { momentsOfRestart, stopAtEach, stopInBackoff, written } from './stop-at.ts';

/** Stops a real guest at every fault point that a restart for the sake of health passes, one guest for each of them. */

const AT_ONCE = 4;

const ward = await openSickWard();
try {
  const moments = await momentsOfRestart(ward);
  await stopAtEach(ward, moments, AT_ONCE);
  await Promise.all([stopInBackoff(ward, 'waiting'), stopInBackoff(ward, 'over')]);
  console.log(
    `stopped in a backoff, when it was over, and at each of these, and stayed stopped:\n${moments.map((one) => `  ${written(one)}`).join('\n')}`,
  );
} finally {
  await ward.close();
}
