import { activityContract } from '../../contracts/activity.contract.ts';
import { simulatedActivityWorld } from './simulated-activity.world.ts';

activityContract('the simulated source of traffic', { make: () => simulatedActivityWorld(), limitMs: 10_000 });
