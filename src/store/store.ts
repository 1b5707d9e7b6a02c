import { closeSync, fchmodSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { EngineError, toEngineError } from '#/base/errors.ts';
import { MIGRATIONS } from './migrations.ts';

type Row = Record<string, SQLInputValue>;

/**
 * The engine's database: SQLite in WAL mode, one writer, every commit synced to disk before it returns (0.3 ms).
 * Table groups (`layers.ts`, `images.ts`, …) are functions over a Store; nobody else writes SQL.
 */
export class Store implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** All rows of a query. */
  all<T extends object>(sql: string, ...values: SQLInputValue[]): readonly T[] {
    return this.#guard(() => this.#prepare(sql).all(...values) as unknown as T[]);
  }

  /** The first row of a query, or undefined. */
  find<T extends object>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values) as unknown as T | undefined);
  }

  /** Runs a statement; the number of rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guard(() => Number(this.#prepare(sql).run(...values).changes));
  }

  /**
   * Runs `body` in one transaction: all of it is on disk when this returns, or none of it if it throws.
   * Synchronous on purpose (nothing can come between); nested calls join the outer transaction.
   */
  transaction<T>(body: () => T): T {
    if (this.#depth > 0) return body();
    this.#guard(() => this.#db.exec('BEGIN IMMEDIATE'));
    this.#depth++;
    try {
      const result = body();
      this.#guard(() => this.#db.exec('COMMIT'));
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /**
   * Runs `body`, whose commits do not wait for the disk: nothing is lost when the engine is killed, and the next commit that
   * does wait takes them along, but a power failure before that may undo them. For what a host that went down undoes anyway.
   */
  unsynced<T>(body: () => T): T {
    if (this.#depth > 0) return body();
    this.#guard(() => this.#db.exec('PRAGMA synchronous = NORMAL'));
    try {
      return body();
    } finally {
      this.#db.exec('PRAGMA synchronous = FULL');
    }
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw storeError(error);
    }
  }
}

const SQLITE_FULL = 13;
const SQLITE_IOERR = 10;
const SQLITE_CONSTRAINT = 19;

/** A unique or foreign key that was violated is `conflict`; a full disk `resource-exhausted`. */
function storeError(error: unknown): EngineError {
  if (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number') {
    const primary = error.errcode & 0xff;
    if (primary === SQLITE_CONSTRAINT) return new EngineError('conflict', error.message, { cause: error });
    if (primary === SQLITE_FULL || primary === SQLITE_IOERR) {
      return new EngineError('resource-exhausted', `write the database: ${error.message}`, {
        cause: error,
        errno: 'ENOSPC',
      });
    }
  }
  return toEngineError(error, 'use the database');
}

/** Opens (or makes) the database file and brings its schema up to date. Throws data-loss for one from a newer Gantry. */
export function openStore(path: string): Store {
  keepToOwner(path);
  const db = new DatabaseSync(path);
  try {
    db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000',
    );
    migrate(db, path);
    reserveSpace(db);
  } catch (error) {
    db.close();
    throw toEngineError(error, `open the database ${path}`);
  }
  return new Store(db);
}

/** Environments with their passwords are in it. SQLite gives the files beside it the same mode. */
function keepToOwner(path: string): void {
  if (path === ':memory:') return;
  try {
    const file = openSync(path, 'a', 0o600);
    fchmodSync(file, 0o600);
    closeSync(file);
  } catch (error) {
    throw toEngineError(error, `open the database ${path}`);
  }
}

/** In pages of 4 KiB: how much the log of changes holds before it is written back, and what is kept free in both files. */
const CHECKPOINT_PAGES = 128;
const RESERVED_BYTES = 640 * 1024;

/**
 * Makes both files large enough that changing and removing rows needs no new space: on a full disk, containers can then
 * still be stopped and removed, and their exits recorded.
 */
function reserveSpace(db: DatabaseSync): void {
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; DROP TABLE IF EXISTS reserve`);
  try {
    // Two transactions: pages that one and the same makes and frees are never written.
    db.exec('BEGIN IMMEDIATE; CREATE TABLE reserve (bytes BLOB) STRICT');
    db.prepare('INSERT INTO reserve VALUES (zeroblob(?))').run(RESERVED_BYTES);
    db.exec('COMMIT; DROP TABLE reserve');
  } catch {
    // The disk is full already.
    if (db.isTransaction) db.exec('ROLLBACK');
  }
}

function migrate(db: DatabaseSync, path: string): void {
  const row = db.prepare('PRAGMA user_version').get() as Row;
  const version = Number(row.user_version);
  if (version > MIGRATIONS.length) {
    throw new EngineError(
      'data-loss',
      `database ${path} has schema version ${version}; this Gantry knows versions up to ${MIGRATIONS.length}`,
    );
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[next]}; PRAGMA user_version = ${next + 1}; COMMIT`);
  }
}
