/** For the daemon's entry, which may not reach into `linux` itself. */
export { notifyServiceManager } from '#/linux/service-manager.ts';
