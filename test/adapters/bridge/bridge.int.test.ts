import { networkContract } from '../../contracts/network.contract.ts';
import { makeBridgeWorld } from './bridge.world.ts';

networkContract('a bridge of the kernel', makeBridgeWorld);
