import type { Digest } from '#/base/ids.ts';
import type { Store } from './store.ts';

export function insertLease(store: Store, id: string, createdAtMs: number): void {
  store.run('INSERT INTO leases (id, created_at) VALUES (?, ?)', id, createdAtMs);
}

/** Idempotent. Throws conflict where the lease is gone. */
export function addLeaseItem(store: Store, leaseId: string, digest: Digest): void {
  store.run('INSERT OR IGNORE INTO lease_items (lease_id, digest) VALUES (?, ?)', leaseId, digest);
}

/** Deletes a lease with its items; tolerates absence. */
export function deleteLease(store: Store, id: string): void {
  store.run('DELETE FROM leases WHERE id = ?', id);
}

/** Leases live as long as the engine that took them. Returns how many were dropped. */
export const deleteAllLeases = (store: Store): number => store.run('DELETE FROM leases');

export const isLeased = (store: Store, digest: Digest): boolean =>
  store.find('SELECT 1 FROM lease_items WHERE digest = ? LIMIT 1', digest) !== undefined;
