import { hypervisorContract } from '../../contracts/hypervisor.contract.ts';
import { directWorld } from './simulator-worlds.ts';

hypervisorContract('the simulator within the process', directWorld);
