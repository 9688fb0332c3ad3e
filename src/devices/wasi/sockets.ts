/** Sockets: there are none, so every descriptor that is open is `notsock`, and every other `badf`. */

import type { GuestContext } from '../../machine/device.ts';
import { E } from '../fs/errno.ts';
import type { Errno } from '../fs/errno.ts';
import type { WasiFunctions } from './guest-memory.ts';
import type { WasiSession } from './session.ts';

export const SOCKET_FUNCTIONS: WasiFunctions = {
  sock_accept: ['iii', noSocket],
  sock_recv: ['iiiiii', noSocket],
  sock_send: ['iiiii', noSocket],
  sock_shutdown: ['ii', noSocket],
};

function noSocket(session: WasiSession, _vm: GuestContext, fd: number): Errno {
  const descriptor = session.descriptor(fd, 0);
  return typeof descriptor === 'number' ? descriptor : E.notsock;
}
