/** The client's own version; the package's. */
export const CLIENT_VERSION = '0.1.0';

export const versionLine = (): string => `Gantry version ${CLIENT_VERSION}`;
