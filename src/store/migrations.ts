/**
 * The schema, as steps that are only ever appended: step n takes a database of `user_version` n-1 to n.
 * Times are milliseconds since the epoch, sizes bytes, JSON columns hold what the owning room's types say.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE layers (
    diff_id     TEXT PRIMARY KEY,
    tar_bytes   INTEGER NOT NULL,
    index_bytes INTEGER NOT NULL,
    traits      TEXT NOT NULL,
    created_at  INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE leases (
    id         TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE lease_items (
    lease_id TEXT NOT NULL REFERENCES leases(id) ON DELETE CASCADE,
    digest   TEXT NOT NULL,
    PRIMARY KEY (lease_id, digest)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE images (
    id           TEXT PRIMARY KEY,
    config       TEXT NOT NULL,
    size_bytes   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    added_at     INTEGER NOT NULL,
    last_tagged_at INTEGER
  ) STRICT;
  CREATE TABLE image_layers (
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    diff_id  TEXT NOT NULL,
    PRIMARY KEY (image_id, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_layers_by_diff_id ON image_layers(diff_id);
  CREATE TABLE image_references (
    name     TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_references_by_image ON image_references(image_id);

  CREATE TABLE containers (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    image_id   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    config     TEXT NOT NULL
  ) STRICT;
  CREATE INDEX containers_by_image ON containers(image_id);
  CREATE TABLE container_states (
    container_id TEXT PRIMARY KEY REFERENCES containers(id) ON DELETE CASCADE,
    status       TEXT NOT NULL,
    state        TEXT NOT NULL
  ) STRICT;

  CREATE TABLE networks (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    driver     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    config     TEXT NOT NULL
  ) STRICT;
  CREATE TABLE endpoints (
    id           TEXT PRIMARY KEY,
    network_id   TEXT NOT NULL REFERENCES networks(id),
    container_id TEXT NOT NULL,
    ipv4         TEXT,
    mac          TEXT NOT NULL,
    config       TEXT NOT NULL,
    UNIQUE (network_id, ipv4),
    UNIQUE (network_id, container_id)
  ) STRICT;
  CREATE INDEX endpoints_by_container ON endpoints(container_id);
  `,
  `
  CREATE TABLE volumes (
    name       TEXT PRIMARY KEY,
    driver     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    config     TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // Containers are on any number of networks, and publish ports.
  `
  UPDATE containers SET config = json_remove(
    json_set(
      config,
      '$.network.ports', json('[]'),
      '$.network.publishAll', json('false'),
      '$.network.endpoints', CASE config ->> '$.network.mode.kind' WHEN 'container' THEN json('{}') ELSE json_object(
        coalesce(config ->> '$.network.mode.name', config ->> '$.network.mode.kind'),
        json_patch(
          json_object(
            'aliases', json(coalesce(config -> '$.network.aliases', '[]')),
            'links', json('[]'),
            'gatewayPriority', 0,
            'driverOptions', json('{}')
          ),
          json_object('macAddress', config ->> '$.network.macAddress', 'ipv4Address', config ->> '$.network.ipv4Address')
        )
      ) END
    ),
    '$.network.macAddress', '$.network.ipv4Address', '$.network.aliases'
  ) WHERE config -> '$.network.endpoints' IS NULL AND config -> '$.network' IS NOT NULL;
  `,
  // Containers mount volumes.
  `
  UPDATE containers SET config = json_set(config, '$.volumesFrom', json('[]'), '$.volumeDriver', '')
    WHERE config -> '$.volumesFrom' IS NULL AND config -> '$.mounts' IS NOT NULL;
  `,
  // Endpoints have IPv6 addresses; sandboxes are served again after a restart.
  `
  ALTER TABLE endpoints ADD COLUMN ipv6 TEXT;
  CREATE UNIQUE INDEX endpoints_by_ipv6 ON endpoints(network_id, ipv6);
  CREATE TABLE sandboxes (
    container_id TEXT PRIMARY KEY,
    settings     TEXT NOT NULL,
    ports        TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE volume_snapshots (
    id         TEXT PRIMARY KEY,
    volume     TEXT NOT NULL REFERENCES volumes(name) ON DELETE CASCADE,
    name       TEXT,
    created_at INTEGER NOT NULL,
    size       INTEGER NOT NULL,
    UNIQUE (volume, name)
  ) STRICT;
  `,
];
