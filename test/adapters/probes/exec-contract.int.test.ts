import { proberContract } from '../../contracts/prober.contract.ts';
import { execWorld } from './exec-world.ts';

proberContract('the exec prober, over the agents of QEMU,', execWorld);
