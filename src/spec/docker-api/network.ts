import { z } from 'zod';
import { flag, int, nullable, text, textMap, texts } from './fields.ts';

/**
 * Bodies of the network endpoints and the parts of other bodies that speak of networks, checked.
 * Source: docker-engine-api v1.51, definitions EndpointSettings, PortMap, IPAM, NetworkCreateRequest, NetworkConnectRequest.
 */
export const EndpointSettingsBody = nullable(
  z.object({
    IPAMConfig: nullable(z.object({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: texts })),
    Aliases: texts,
    Links: texts,
    MacAddress: text,
    DriverOpts: textMap,
    GwPriority: int,
  }),
);

/** Keyed by `80/tcp`. As Gantry's extension a `HostIp` that begins with `/` is the path of a unix socket. */
export const PortMapBody = nullable(
  z.record(z.string(), nullable(z.array(nullable(z.object({ HostIp: text, HostPort: text }))))),
);

const IpamConfig = z.object({ Subnet: text, IPRange: text, Gateway: text, AuxiliaryAddresses: textMap });

export const CreateNetworkBody = z.object({
  Name: text,
  Driver: text,
  Scope: text,
  Internal: flag,
  Attachable: flag,
  Ingress: flag,
  ConfigOnly: flag,
  ConfigFrom: nullable(z.object({ Network: text })),
  IPAM: nullable(z.object({ Driver: text, Config: nullable(z.array(IpamConfig)), Options: textMap })),
  EnableIPv4: flag,
  EnableIPv6: flag,
  Options: textMap,
  Labels: textMap,
});

export const ConnectNetworkBody = z.object({ Container: text, EndpointConfig: EndpointSettingsBody });

export const DisconnectNetworkBody = z.object({ Container: text, Force: flag });

export type EndpointSettingsRequest = NonNullable<z.output<typeof EndpointSettingsBody>>;
export type PortMapRequest = NonNullable<z.output<typeof PortMapBody>>;
export type CreateNetworkRequest = z.output<typeof CreateNetworkBody>;
