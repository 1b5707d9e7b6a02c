/** The host's end of an interface: whoever knows the container's id finds it. At most 15 characters, up to 36 endpoints. */
export const hostInterfaceName = ({
  containerId,
  position,
}: {
  readonly containerId: string;
  readonly position: number;
}): string => `gv${containerId.slice(0, 11)}${position === 0 ? '' : `.${position.toString(36)}`}`;

export const isHostInterface = (name: string): boolean => /^gv[0-9a-f]{11}/.test(name);
