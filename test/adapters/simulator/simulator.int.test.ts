import { hypervisorContract } from '../../contracts/hypervisor.contract.ts';
import { hostedWorld } from './simulator-worlds.ts';

hypervisorContract('the simulator with its world in a process of its own', hostedWorld);
