/** Networks that always are. */
const PREDEFINED: readonly string[] = ['bridge', 'host', 'none'];

export const isPredefinedNetwork = (name: string): boolean => PREDEFINED.includes(name);

/** Names, links by name and static addresses belong to networks that users made. Docker's clients also say `default` for `bridge`. */
export const isUserDefined = (name: string): boolean => name !== 'default' && !isPredefinedNetwork(name);
