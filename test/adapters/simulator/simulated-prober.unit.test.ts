import { proberContract } from '../../contracts/prober.contract.ts';
import { simulatedProberWorld } from './simulated-prober.world.ts';

proberContract('the simulated prober', () => simulatedProberWorld());
