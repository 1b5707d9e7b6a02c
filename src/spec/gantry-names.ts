/** The domain in which programs of the host find containers: `<container>.gantry.internal`. */
export const HOST_DOMAIN = 'gantry.internal';

/** Where the host finds the resolver that knows them, port 53, unless the daemon is told otherwise. */
export const HOST_RESOLVER_ADDRESS = '127.0.0.153';
