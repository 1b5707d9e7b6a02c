import { type EndpointSettings, EngineError, type NetworkMode, type NetworkSettings } from '#/engine/index.ts';
import type { CreateContainerRequest, HostConfigRequest } from '#/spec/docker-api/create-container.ts';
import type { EndpointSettingsRequest } from '#/spec/docker-api/network.ts';
import { parsePortMap } from './parse-ports.ts';

const invalid = (message: string): EngineError => new EngineError('invalid-argument', message);

/** Everything that a create request says of networks. Throws invalid-argument or not-implemented. */
export function parseNetwork(body: CreateContainerRequest, host: HostConfigRequest): NetworkSettings {
  const mode: NetworkMode = body.NetworkDisabled === true ? { kind: 'none' } : parseNetworkMode(host.NetworkMode);
  return {
    mode,
    endpoints: parseEndpoints(body, host, mode),
    ports: parsePortMap(host.PortBindings),
    publishAll: host.PublishAllPorts ?? false,
    dns: host.Dns ?? [],
    dnsSearch: host.DnsSearch ?? [],
    dnsOptions: host.DnsOptions ?? [],
    extraHosts: (host.ExtraHosts ?? []).map(parseExtraHost),
  };
}

const isDefaultMode = (text: string | undefined): boolean => text === undefined || text === '' || text === 'default';

function parseNetworkMode(text: string | undefined): NetworkMode {
  if (text === undefined || isDefaultMode(text)) return { kind: 'network', name: 'bridge' };
  if (text === 'host' || text === 'none') return { kind: text };
  if (!text.startsWith('container:')) return { kind: 'network', name: text };
  const container = text.slice('container:'.length);
  if (container === '') throw invalid(`invalid network mode: ${text}`);
  return { kind: 'container', container };
}

/**
 * Settings by network. As Docker: `default` is the default bridge; the network of the mode is among them, but a request
 * that names networks and no mode is on those only. What belongs to no network (`MacAddress`, `HostConfig.Links`) belongs
 * to the main one.
 */
function parseEndpoints(
  body: CreateContainerRequest,
  host: HostConfigRequest,
  mode: NetworkMode,
): NetworkSettings['endpoints'] {
  const asked: Record<string, EndpointSettings> = {};
  for (const [name, endpoint] of Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {})) {
    if (name.startsWith('container:')) continue;
    asked[name === 'default' ? 'bridge' : name] = parseEndpoint(endpoint);
  }
  const ofMode = mode.kind === 'network' ? mode.name : mode.kind;
  const [first = ofMode] = isDefaultMode(host.NetworkMode) && !(ofMode in asked) ? Object.keys(asked) : [];
  const links = host.Links ?? [];
  const macAddress = body.MacAddress || undefined;
  // Nothing of its own is the rule there; what breaks it is told apart where conflicts are.
  if (mode.kind === 'container' && links.length === 0 && macAddress === undefined) return asked;
  const main = asked[first] ?? parseEndpoint(undefined);
  return {
    // The main network comes first: it gets the first interface.
    [first]: {
      ...main,
      links: [...new Set([...main.links, ...links])],
      macAddress: main.macAddress ?? macAddress,
    },
    ...Object.fromEntries(Object.entries(asked).filter(([name]) => name !== first)),
  };
}

/** What a client asks for on one network. Throws invalid-argument or not-implemented. */
export function parseEndpoint(request: EndpointSettingsRequest | undefined): EndpointSettings {
  const ipam = request?.IPAMConfig;
  if ((ipam?.LinkLocalIPs ?? []).length > 0) {
    throw new EngineError('not-implemented', '--link-local-ip is not implemented in this version of Gantry');
  }
  return {
    aliases: request?.Aliases ?? [],
    links: request?.Links ?? [],
    macAddress: request?.MacAddress || undefined,
    ipv4Address: ipam?.IPv4Address || undefined,
    ipv6Address: ipam?.IPv6Address || undefined,
    gatewayPriority: request?.GwPriority ?? 0,
    driverOptions: request?.DriverOpts ?? {},
  };
}

function parseExtraHost(text: string): string {
  const separator = text.indexOf(':');
  if (separator < 1 || separator === text.length - 1) throw invalid(`bad format for add-host: ${JSON.stringify(text)}`);
  return text;
}
