import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import createRouter, { type HTTPMethod } from 'find-my-way';
import { EngineError } from '#/base/errors.ts';
import type { Logger } from '#/base/log.ts';
import type { Engine } from '#/engine/index.ts';
import { type ApiVersion, parseVersion } from './version.ts';

/** What every handler is given. */
export interface Call {
  readonly engine: Engine;
  readonly log: Logger;
  readonly version: ApiVersion;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborts when the client goes before the answer is whole. */
  readonly signal: AbortSignal;
}

export interface HttpCall extends Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A request whose connection becomes a raw stream once it is answered (attach, exec). */
export interface HijackCall extends Call {
  readonly headers: IncomingMessage['headers'];
  /** The request's body, read whole. */
  readonly body: Buffer;
  readonly upgrade: boolean;
  /** Writes the answer's head (101 or 200) and hands over the connection. */
  hijack(contentType: string): Duplex;
}

export type Route =
  | {
      readonly kind: 'http';
      readonly method: HTTPMethod;
      readonly path: string;
      readonly handle: (call: HttpCall) => Promise<void> | void;
    }
  | {
      readonly kind: 'hijack';
      readonly method: HTTPMethod;
      readonly path: string;
      readonly handle: (call: HijackCall) => Promise<void>;
    };

export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly version: ApiVersion;
}

export interface Router {
  /** Throws not-found for a path or method that no route has, invalid-argument for an unusable version. */
  find(method: string, url: string): Found;
}

const VERSIONED = /^\/v(\d+\.\d+)(?=\/|$)/;

/** Routes by method and path; `/v1.41/…` is the same path spoken in that version. */
export function openRouter(routes: readonly Route[]): Router {
  const router = createRouter({ ignoreTrailingSlash: true, maxParamLength: 4096 });
  for (const route of routes) router.on(route.method, route.path, () => {}, route);
  return {
    find(method, url) {
      const mark = url.indexOf('?');
      const fullPath = mark === -1 ? url : url.slice(0, mark);
      const versioned = VERSIONED.exec(fullPath);
      const version = parseVersion(versioned?.[1]);
      const path = versioned === null ? fullPath : fullPath.slice(versioned[0].length) || '/';
      const found = router.find(method as HTTPMethod, path);
      if (found === null) throw new EngineError('not-found', 'page not found');
      return {
        route: found.store as Route,
        params: found.params as Record<string, string>,
        query: new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1)),
        version,
      };
    },
  };
}
