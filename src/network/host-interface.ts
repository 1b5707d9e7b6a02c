/** Of one container: what one more character can tell apart, since the kernel's names have at most 15. */
export const ENDPOINTS_MAX = 36;

/** The host's end of an interface: whoever knows the container's id finds it. */
export const hostInterfaceName = ({
  containerId,
  position,
}: {
  readonly containerId: string;
  readonly position: number;
}): string => `gv${containerId.slice(0, 11)}${position === 0 ? '' : `.${position.toString(36)}`}`;

export const isHostInterface = (name: string): boolean => /^gv[0-9a-f]{11}/.test(name);
