import { networkContract } from '../../contracts/network.contract.ts';
import { simulatedNetworkWorld } from './simulated-network.world.ts';

networkContract('the simulated network', () => simulatedNetworkWorld());
